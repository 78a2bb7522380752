/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU: a machine that runs the kernel of a Linux. It emulates all of it. Threads: one. */
#pragma once

#include "processor.h"
#include "sandboxed.h"

#include <glib.h>

/* That for a host with PROCESSOR, nullable. */
gboolean vk_qemu_is_installed(const VkProcessor *processor);

/*
 * Starts the newest kernel below the directory ROOT with COUNT disks and MEMORY bytes on PROCESSOR.
 * VK_ERROR_NOT_FOUND if there is none, VK_ERROR_DENIED if this user may read none.
 */
VkSandboxed *vk_qemu_start(const VkProcessor *processor, const char *root, guint count,
			   guint64 memory, GError **error);
