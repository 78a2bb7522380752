/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"

#include "text.h"

#include <errno.h>

/* The macros for static analysis; see errors.h. */
#undef vk_fail
#undef vk_fail_errno

G_DEFINE_QUARK(vk - error - quark, vk_error)

gboolean vk_fail(GError **error, VkErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *printable = vk_printable(text);
	g_set_error_literal(error, VK_ERROR, (int)code, printable);
	return FALSE;
}

/* What to do about an errno whose text does not say it. */
static const char *remedy_of_errno(int errno_value)
{
	switch (errno_value) {
	case ENOSPC:
	case EDQUOT:
		return "; make room there and try again";
	case EACCES:
		return "; try again as a user who may, such as root";
	default:
		return "";
	}
}

gboolean vk_fail_errno(GError **error, int errno_value, const char *format, ...)
{
	VkErrorCode code = VK_ERROR_FAILED;
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	if (errno_value == ENOENT)
		code = VK_ERROR_NOT_FOUND;
	else if (errno_value == EEXIST)
		code = VK_ERROR_EXISTS;
	else if (errno_value == ENOSPC || errno_value == EDQUOT)
		code = VK_ERROR_FULL;
	return vk_fail(error, code, "%s: %s%s", text, g_strerror(errno_value),
		       remedy_of_errno(errno_value));
}

int vk_exit_status(const GError *error)
{
	if (!error)
		return 0;
	if (error->domain == G_OPTION_ERROR)
		return VK_ERROR_USAGE;
	if (error->domain != VK_ERROR || error->code > VK_ERROR_NOT_FOUND)
		return VK_ERROR_FAILED;
	return error->code;
}

const char *vk_error_word(const GError *error)
{
	static const char *const words[] = {
		[VK_ERROR_FAILED] = "failed",   [VK_ERROR_USAGE] = "usage",
		[VK_ERROR_PARTIAL] = "partial", [VK_ERROR_BUSY] = "busy",
		[VK_ERROR_DAMAGE] = "damage",   [VK_ERROR_NOT_FOUND] = "not-found",
		[VK_ERROR_EXISTS] = "exists",   [VK_ERROR_CHANGED] = "changed",
		[VK_ERROR_DENIED] = "denied",   [VK_ERROR_FULL] = "full",
	};

	if (error->domain != VK_ERROR || error->code < VK_ERROR_FAILED ||
	    (gsize)error->code >= G_N_ELEMENTS(words))
		return words[VK_ERROR_FAILED];
	return words[error->code];
}
