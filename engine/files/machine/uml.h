/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User-mode Linux: a Linux kernel as a program, which needs no rights and no virtualization. */
#pragma once

#include "sandboxed.h"

#include <glib.h>

gboolean vk_uml_is_installed(void);

/* What the host lets programs trace, by Yama. A host without Yama does not have the file. */
#define VK_UML_PTRACE_SCOPE "/proc/sys/kernel/yama/ptrace_scope"

/*
 * Whether by the setting in the file SCOPE, VK_UML_PTRACE_SCOPE, a program may trace its own
 * children: it runs all of its processes so. VK_ERROR_FAILED with the remedy if not.
 */
gboolean vk_uml_may_trace(const char *scope, GError **error);

/* Starts it with COUNT disks and MEMORY bytes. */
VkSandboxed *vk_uml_start(guint count, guint64 memory, GError **error);
