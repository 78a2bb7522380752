/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User-mode Linux: a Linux kernel as a program, which needs no rights and no virtualization. */
#pragma once

#include "sandboxed.h"

#include <glib.h>

gboolean vk_uml_is_installed(void);

/* Starts it with COUNT disks and MEMORY bytes. */
VkSandboxed *vk_uml_start(guint count, guint64 memory, GError **error);
