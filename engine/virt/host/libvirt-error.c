/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt-priv.h"

#include "errors.h"
#include "text.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

char *vk_libvirt_reason(void)
{
	return vk_printable_foreign(virGetLastErrorMessage());
}

gboolean vk_fail_libvirt(GError **error, const char *format, ...)
{
	int libvirt_code = virGetLastErrorCode();
	VkErrorCode code = VK_ERROR_FAILED;
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	if (libvirt_code == VIR_ERR_NO_DOMAIN || libvirt_code == VIR_ERR_NO_STORAGE_POOL ||
	    libvirt_code == VIR_ERR_NO_STORAGE_VOL)
		code = VK_ERROR_NOT_FOUND;
	else if (libvirt_code == VIR_ERR_OPERATION_TIMEOUT)
		code = VK_ERROR_BUSY;
	g_autofree char *reason = vk_libvirt_reason();
	return vk_fail(error, code, "%s: %s", text, reason);
}
