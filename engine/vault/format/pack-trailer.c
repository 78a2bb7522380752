/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-trailer.h"

#include "crc.h"
#include "errors.h"

#include <string.h>

static guint32 checksum(const VkPackTrailer *trailer)
{
	return GUINT32_TO_LE(vk_crc32c(0, trailer, G_STRUCT_OFFSET(VkPackTrailer, crc32c)));
}

void vk_pack_trailer_seal(VkPackTrailer *trailer)
{
	trailer->crc32c = checksum(trailer);
}

gboolean vk_pack_trailer_is_sound(const VkPackTrailer *trailer)
{
	return GUINT32_FROM_LE(trailer->magic) == VK_TRAILER_MAGIC &&
	       trailer->crc32c == checksum(trailer);
}

static gboolean damaged(const char *object, const char *what, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", object, what);
}

gboolean vk_pack_trailer_check(const VkPackTrailer *trailer, guint64 end, const char *object,
			       GError **error)
{
	guint64 table = GUINT64_FROM_LE(trailer->table_offset);

	if (GUINT32_FROM_LE(trailer->slots) > VK_SLOTS_MAX || table < sizeof(VkPackHeader) ||
	    table > end || end - table < GUINT32_FROM_LE(trailer->table_length))
		return damaged(object, "its trailer contradicts its size", error);
	return TRUE;
}

/* It lies behind all else. */
gboolean vk_pack_trailer_parse(GBytes *tail, guint64 size, const char *object, VkPackTrailer *ret,
			       GError **error)
{
	gsize length;
	const guint8 *bytes = g_bytes_get_data(tail, &length);
	guint64 end = size - sizeof(*ret);

	if (size < sizeof(VkPackHeader) + sizeof(*ret) || size > VK_PACK_TOTAL_MAX)
		return damaged(object, "its size cannot be", error);
	memcpy(ret, bytes + length - sizeof(*ret), sizeof(*ret));
	if (GUINT32_FROM_LE(ret->magic) != VK_TRAILER_MAGIC)
		return damaged(object, "it is truncated or its end is lost", error);
	if (!vk_pack_trailer_is_sound(ret))
		return damaged(object, "checksum of its trailer", error);
	return vk_pack_trailer_check(ret, end, object, error);
}

gboolean vk_pack_trailer_read(VkStore *store, const char *object, VkPackTrailer *ret,
			      GError **error)
{
	guint64 size = 0;
	g_autoptr(GBytes) tail = vk_store_get_tail(store, object, sizeof(*ret), &size, error);

	return tail && vk_pack_trailer_parse(tail, size, object, ret, error);
}
