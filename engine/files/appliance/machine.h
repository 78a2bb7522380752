/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel of an appliance runs on: User-mode Linux, or QEMU. Threads: one. */
#pragma once

#include "appliance.h"
#include "sandboxed.h"

#include <glib.h>

/*
 * Starts one of KIND with COUNT disks and MEMORY bytes. VK_ERROR_FAILED with the names of the
 * packages that are missing.
 */
VkSandboxed *vk_machine_start(const VkApplianceKind *kind, guint count, guint64 memory,
			      GError **error);
