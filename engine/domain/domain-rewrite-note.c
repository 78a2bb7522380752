/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-rewrite-priv.h"

void vk_rewrite_note(const VkRewrite *rewrite, const char *format, ...)
{
	va_list args;

	if (!rewrite->changes->notes)
		return;
	va_start(args, format);
	g_ptr_array_add(rewrite->changes->notes, g_strdup_vprintf(format, args));
	va_end(args);
}
