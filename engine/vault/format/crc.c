/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crc.h"

#include "simd.h"

#include <isa-l/crc.h>

guint32 vk_crc32c(guint32 seed, const void *buf, gsize length)
{
	guint32 crc;

	g_assert(length <= G_MAXINT);
	crc = ~crc32_iscsi((unsigned char *)(guintptr)buf, (int)length, ~seed);
	vk_simd_end();
	return crc;
}
