/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hintfile.h"

#include "crc.h"

#include "errors.h"

#include <string.h>

/* Interpolation finds evenly spread prefixes in a few steps; bisection ends it for all others. */
#define INTERPOLATION_STEPS 6

guint32 vk_hint_header_crc(const VkHintHeader *header, const VkPackId *pack_ids)
{
	guint32 crc = vk_crc32c(0, header, G_STRUCT_OFFSET(VkHintHeader, crc32c));

	return vk_crc32c(crc, pack_ids, GUINT32_FROM_LE(header->packs) * sizeof(VkPackId));
}

static gboolean check_header(const VkHintHeader *header, gsize length, const guint8 *vault_id,
			     const char **ret_problem)
{
	guint64 room;

	*ret_problem = NULL;
	if (length < sizeof(*header) ||
	    memcmp(header->magic, VK_HINT_MAGIC, sizeof(header->magic)) != 0)
		*ret_problem = "it is no hint file";
	else if (GUINT16_FROM_LE(header->version) != VK_FORMAT_VERSION ||
		 GUINT16_FROM_LE(header->header_length) != sizeof(*header))
		*ret_problem = "it has an unknown version";
	else if (memcmp(header->vault_id, vault_id, VK_ID_SIZE) != 0)
		*ret_problem = "it belongs to another vault";
	if (*ret_problem)
		return FALSE;
	room = length - sizeof(*header);
	if (GUINT32_FROM_LE(header->packs) > room / sizeof(VkPackId)) {
		*ret_problem = "it was cut short";
		return FALSE;
	}
	room -= GUINT32_FROM_LE(header->packs) * sizeof(VkPackId);
	if (room % sizeof(VkHintEntry) != 0 ||
	    GUINT64_FROM_LE(header->entries) != room / sizeof(VkHintEntry))
		*ret_problem = "its size is wrong";
	return *ret_problem == NULL;
}

VkHintFile *vk_hint_file_new(GMappedFile *map, const char *name, const guint8 *vault_id,
			     GError **error)
{
	const VkHintHeader *header = (const void *)g_mapped_file_get_contents(map);
	const VkPackId *pack_ids = (const void *)(header + 1);
	const char *problem;
	VkHintFile *file;

	if (check_header(header, g_mapped_file_get_length(map), vault_id, &problem) &&
	    vk_hint_header_crc(header, pack_ids) != GUINT32_FROM_LE(header->crc32c))
		problem = "its checksum does not match";
	if (problem) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", name, problem);
		g_mapped_file_unref(map);
		return NULL;
	}
	file = g_new0(VkHintFile, 1);
	file->map = map;
	file->packs = GUINT32_FROM_LE(header->packs);
	file->entries = GUINT64_FROM_LE(header->entries);
	file->pack_ids = pack_ids;
	file->list = (const void *)(pack_ids + file->packs);
	return file;
}

void vk_hint_file_free(VkHintFile *file)
{
	if (!file)
		return;
	g_mapped_file_unref(file->map);
	g_free(file->object);
	g_free(file);
}

static guint64 prefix_at(const VkHintFile *file, guint64 index)
{
	return GUINT64_FROM_LE(file->list[index].prefix);
}

/* Where VALUE would be between LOW and HIGH if prefixes from MIN to MAX were spread evenly. */
static guint64 interpolate(guint64 low, guint64 high, guint64 min, guint64 max, guint64 value)
{
	if (value <= min || max <= min)
		return low;
	if (value >= max)
		return high;
	return low + (guint64)((unsigned __int128)(high - low) * (value - min) / (max - min));
}

static const VkHintEntry *search(const VkHintFile *file, guint64 prefix)
{
	guint64 low = 0, high = file->entries; /* within [low, high) */
	guint64 min = 0, max = G_MAXUINT64;    /* bounds of the prefixes there */

	for (guint step = 0; low < high; step++) {
		guint64 middle = step < INTERPOLATION_STEPS
					 ? interpolate(low, high - 1, min, max, prefix)
					 : low + (high - low) / 2;
		guint64 found = prefix_at(file, middle);

		if (found == prefix)
			return &file->list[middle];
		if (found < prefix) {
			low = middle + 1;
			min = found;
		} else {
			high = middle;
			max = found;
		}
	}
	return NULL;
}

gboolean vk_hint_file_lookup(const VkHintFile *file, guint64 prefix, VkPackId *ret_pack,
			     guint32 *ret_slot)
{
	const VkHintEntry *entry = search(file, prefix);

	if (!entry || GUINT32_FROM_LE(entry->pack) >= file->packs ||
	    GUINT32_FROM_LE(entry->slot) >= VK_SLOTS_MAX)
		return FALSE;
	*ret_pack = file->pack_ids[GUINT32_FROM_LE(entry->pack)];
	*ret_slot = GUINT32_FROM_LE(entry->slot);
	return TRUE;
}
