/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU: a machine that runs the kernel of a Linux. It emulates all of it. Threads: one. */
#pragma once

#include "sandboxed.h"

#include <glib.h>

gboolean vk_qemu_is_installed(void);

/*
 * Starts the newest kernel below the directory ROOT with COUNT disks and MEMORY bytes.
 * VK_ERROR_NOT_FOUND if there is none.
 */
VkSandboxed *vk_qemu_start(const char *root, guint count, guint64 memory, GError **error);
