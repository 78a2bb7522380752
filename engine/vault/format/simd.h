/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has to follow a call of ISA-L. Threads: free. */
#pragma once

/*
 * ISA-L 2.30 leaves the upper halves of vector registers in use where it has AVX-512, and all SSE
 * code that comes after (SHA-256, zstd) is slower by a sixth until they are cleared.
 */
#ifdef __x86_64__
__attribute__((target("avx"))) static inline void vk_simd_clear_upper_halves(void)
{
	__builtin_ia32_vzeroupper();
}
#endif

static inline void vk_simd_end(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		vk_simd_clear_upper_halves();
#endif
}
