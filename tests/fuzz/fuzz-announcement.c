/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a collector announces. What cannot be read condemns every slot; what can be is written and
 * read back as the same.
 */
#include "announcement.h"
#include "fuzz.h"
#include "input-store.h"
#include "json.h"

#define COLLECTOR "00112233445566778899aabbccddeeff"
#define ANOTHER   "ffeeddccbbaa99887766554433221100"

static const VkPackId unknown = {"a pack of no one"};

/* Whether both condemn the same slots of each pack that OBJECT names. */
static void compare(const json_t *object, const VkAnnouncement *one, const VkAnnouncement *other)
{
	json_t *packs = json_object_get(object, "packs"), *value;
	const char *hex;

	json_object_foreach (packs, hex, value) {
		VkPackId pack;

		g_assert(vk_pack_id_parse(hex, &pack));
		for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot += 7)
			g_assert(vk_announcement_has(one, &pack, slot) ==
				 vk_announcement_has(other, &pack, slot));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VkStore *store = input_store_new(), *written = input_store_new();
	g_autoptr(VkAnnouncement) announcement = NULL;
	g_autoptr(VkAnnouncement) again = NULL;

	input_store_add_json(store, "gc/" COLLECTOR, data, size);
	announcement = vk_announcements_load(store, NULL);
	g_assert(announcement);
	if (!vk_announcement_has(announcement, &unknown, 0)) {
		g_autoptr(json_t) object = vk_json_parse((const char *)data, size, "input", NULL);

		g_assert(vk_announcement_put(written, ANOTHER, announcement, NULL));
		again = vk_announcements_load(written, NULL);
		compare(object, announcement, again);
	}
	store->ops->free(store);
	written->ops->free(written);
	return 0;
}
