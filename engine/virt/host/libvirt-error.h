/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libvirt says of a call that failed. Threads: free. */
#pragma once

#include <glib.h>

/*
 * libvirt's last error, to be asked for right after the failure. QEMU and the agent of a guest may
 * have had a say in it. New string.
 */
char *vk_libvirt_reason(void);

/* Like vk_fail() with libvirt's last error at the end. To be called right after the failure. */
gboolean vk_fail_libvirt(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
