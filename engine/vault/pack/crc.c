/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crc.h"

#include <isa-l/crc.h>

/*
 * ISA-L 2.30 leaves the upper halves of vector registers in use where it has AVX-512, and all SSE
 * code that comes after (SHA-256, zstd) is slower by a sixth until they are cleared.
 */
#ifdef __x86_64__
__attribute__((target("avx"))) static void clear_upper_halves(void)
{
	__builtin_ia32_vzeroupper();
}
#endif

guint32 vk_crc32c(guint32 seed, const void *buf, gsize length)
{
	guint32 crc;

	g_assert(length <= G_MAXINT);
	crc = ~crc32_iscsi((unsigned char *)(guintptr)buf, (int)length, ~seed);
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		clear_upper_halves();
#endif
	return crc;
}
