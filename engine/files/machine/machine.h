/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel of an appliance runs on: User-mode Linux, or QEMU. Threads: one. */
#pragma once

#include "sandboxed.h"

#include <glib.h>

typedef struct VkMachineKind {
	const char *machine; /* "uml", "qemu", or "auto": what can run, in this order */
	const char *kernel;  /* where QEMU's is: see vk_kernel_find(); NULL: the host's own */
} VkMachineKind;

/*
 * Starts one of KIND with COUNT disks and MEMORY bytes. VK_ERROR_FAILED with the names of the
 * packages that are missing.
 */
VkSandboxed *vk_machine_start(const VkMachineKind *kind, guint count, guint64 memory,
			      GError **error);
