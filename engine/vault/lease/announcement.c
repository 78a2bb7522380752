/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "announcement.h"

#include "layout.h"
#include "lease-priv.h"

#include "checked-json.h"
#include "errors.h"
#include "json.h"
#include "log.h"

#include <string.h>

struct VkAnnouncement {
	GHashTable *packs; /* VkPackId, owned -> VkSlots that stay, owned; NULL: none */
	gboolean all;      /* every slot of every pack */
};

VkAnnouncement *vk_announcement_new(void)
{
	VkAnnouncement *announcement = g_new0(VkAnnouncement, 1);

	announcement->packs =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, g_free);
	return announcement;
}

void vk_announcement_free(VkAnnouncement *announcement)
{
	if (!announcement)
		return;
	g_hash_table_unref(announcement->packs);
	g_free(announcement);
}

static void keep_both(VkSlots *stay, const VkSlots *other)
{
	for (gsize i = 0; i < sizeof(stay->bits); i++)
		stay->bits[i] &= other->bits[i];
}

void vk_announcement_add(VkAnnouncement *announcement, const VkPackId *pack, const VkSlots *stay)
{
	gpointer present = NULL;
	gboolean known = g_hash_table_lookup_extended(announcement->packs, pack, NULL, &present);

	if (present && stay)
		keep_both(present, stay);
	else if (!known || present)
		g_hash_table_insert(announcement->packs, g_memdup2(pack, sizeof(*pack)),
				    stay ? g_memdup2(stay, sizeof(*stay)) : NULL);
}

gboolean vk_announcement_is_empty(const VkAnnouncement *announcement)
{
	return !announcement->all && g_hash_table_size(announcement->packs) == 0;
}

gboolean vk_announcement_has(const VkAnnouncement *announcement, const VkPackId *pack, guint32 slot)
{
	gpointer stay;

	if (announcement->all)
		return TRUE;
	return g_hash_table_lookup_extended(announcement->packs, pack, NULL, &stay) &&
	       !vk_slots_have(stay, slot);
}

static json_t *slots_to_json(const VkSlots *stay)
{
	g_autofree char *text = NULL;
	gsize length = sizeof(stay->bits);

	if (!stay)
		return json_null();
	while (length > 0 && stay->bits[length - 1] == 0)
		length--;
	text = g_base64_encode(stay->bits, length);
	return json_string(text);
}

gboolean vk_announcement_put(VkStore *store, const char *collector,
			     const VkAnnouncement *announcement, GError **error)
{
	g_autofree char *name = vk_lease_announcement_object(collector);
	json_t *packs = json_object();
	g_autoptr(json_t) object = json_pack("{s:s, s:o}", "collector", collector, "packs", packs);
	GHashTableIter iter;
	gpointer pack, stay;

	g_hash_table_iter_init(&iter, announcement->packs);
	while (g_hash_table_iter_next(&iter, &pack, &stay)) {
		char hex[2 * VK_ID_SIZE + 1];

		vk_pack_id_format(pack, hex);
		json_object_set_new_nocheck(packs, hex, slots_to_json(stay));
	}
	return vk_checked_json_put(store, name, object, VK_PUT_NOW, error);
}

gboolean vk_announcement_delete(VkStore *store, const char *collector, GError **error)
{
	g_autofree char *name = vk_lease_announcement_object(collector);

	return store->ops->delete (store, name, error);
}

static gboolean parse_slots(const json_t *value, VkSlots *ret)
{
	const char *text = json_string_value(value);
	g_autofree guint8 *bits = NULL;
	gsize length = 0;

	if (!text)
		return FALSE;
	bits = g_base64_decode(text, &length);
	if (length > sizeof(ret->bits))
		return FALSE;
	memset(ret, 0, sizeof(*ret));
	if (length > 0)
		memcpy(ret->bits, bits, length);
	return TRUE;
}

static gboolean add_parsed(VkAnnouncement *announcement, const json_t *object, GError **error)
{
	json_t *packs, *value;
	const char *hex;

	if (!vk_json_object(object, "packs", &packs, error))
		return FALSE;
	json_object_foreach (packs, hex, value) {
		VkSlots stay;
		VkPackId pack;

		if (!vk_pack_id_parse(hex, &pack) ||
		    !(json_is_null(value) || parse_slots(value, &stay)))
			return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is not a pack with its slots",
				       hex);
		vk_announcement_add(announcement, &pack, json_is_null(value) ? NULL : &stay);
	}
	return TRUE;
}

/* One that has gone meanwhile has done all that it announced. */
static void add_announcement(VkAnnouncement *announcement, VkStore *store, const char *id)
{
	g_autofree char *name = vk_lease_announcement_object(id);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = vk_checked_json_get(store, name, &trouble);

	if ((object && add_parsed(announcement, object, &trouble)) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return;
	vk_log_debug("all blocks count as condemned: '%s': %s", name, trouble->message);
	announcement->all = TRUE;
}

VkAnnouncement *vk_announcements_load(VkStore *store, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_GC, error);
	g_autoptr(VkAnnouncement) announcement = vk_announcement_new();
	VkPackId id;

	if (!names)
		return NULL;
	for (guint i = 0; i < names->len; i++)
		if (vk_pack_id_parse(g_ptr_array_index(names, i), &id))
			add_announcement(announcement, store, g_ptr_array_index(names, i));
	return g_steal_pointer(&announcement);
}
