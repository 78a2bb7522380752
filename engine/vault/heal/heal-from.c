/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heal-from.h"

#include "vault-parts.h"

#include "interrupt.h"

#include <string.h>

#define BATCH_SIZE ((gsize)VK_HASHER_LANES * VK_BLOCK_SIZE)

/* The LENGTH bytes at OFFSET, block by block: one that cannot be read does not hide the others. */
static void offer_range(VkHealer *healer, VkHasher *ids, VkImage *image, guint64 offset,
			gsize length, guint8 *buf)
{
	VkHashed blocks[VK_HASHER_LANES];
	guint count = 0;

	for (gsize at = 0; at < length; at += VK_BLOCK_SIZE) {
		gsize part = MIN(VK_BLOCK_SIZE, length - at);

		if (vk_image_read(image, offset + at, buf + at, part, NULL))
			blocks[count++] = (VkHashed){.data = buf + at, .length = part};
	}
	vk_hasher_run(ids, blocks, count);
	for (guint i = 0; i < count; i++)
		vk_healer_offer(healer, &blocks[i]);
}

/* Zeros are never stored. Whole blocks of them are passed over. */
static guint64 skip_zeros(VkImage *image, guint64 offset)
{
	guint64 length;
	gboolean is_data;

	if (!vk_image_extent(image, offset, &is_data, &length, NULL) || is_data)
		return 0;
	return offset + length == image->size ? length : length / VK_BLOCK_SIZE * VK_BLOCK_SIZE;
}

gboolean vk_heal_from_image(VkHealer *healer, VkHasher *ids, VkImage *image, VkProgress *progress,
			    GError **error)
{
	g_autofree guint8 *buf = g_malloc(BATCH_SIZE);
	guint64 length;

	vk_progress_expect(progress, image->size);
	for (guint64 offset = 0; offset < image->size; offset += length) {
		length = skip_zeros(image, offset);
		if (length == 0) {
			length = MIN(BATCH_SIZE, image->size - offset);
			offer_range(healer, ids, image, offset, (gsize)length, buf);
		}
		vk_progress_add(progress, length);
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (vk_healer_is_full(healer) && !vk_healer_put(healer, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_heal_from_vault(VkHealer *healer, VkHasher *ids, VkVault *other, GError **error)
{
	g_autoptr(GArray) missing = vk_healer_missing(healer);
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);

	for (guint i = 0; i < missing->len; i++) {
		const VkMissingSlot *place = &g_array_index(missing, VkMissingSlot, i);
		VkHashed block = {.data = buf};

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!vk_pack_cache_read(other->packs, &place->pack, place->slot, VK_SLOT_KIND_DATA,
					buf, &block.length, NULL, NULL))
			continue;
		vk_hasher_run(ids, &block, 1);
		vk_healer_offer(healer, &block);
		if (vk_healer_is_full(healer) && !vk_healer_put(healer, error))
			return FALSE;
	}
	return TRUE;
}
