/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crc.h"

#include <isa-l/crc.h>

guint32 vk_crc32c(guint32 seed, const void *buf, gsize length)
{
	g_assert(length <= G_MAXINT);
	return ~crc32_iscsi((unsigned char *)(guintptr)buf, (int)length, ~seed);
}
