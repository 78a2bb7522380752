/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file system in which the appliance's kernel begins. Threads: free. */
#pragma once

#include <glib.h>

/*
 * Makes the archive of a file system with the one file "init", a copy of INIT. Returns a descriptor
 * of it, which the caller closes; -1 on failure. Nobody can change the archive.
 */
int vk_initrd_make(const char *init, GError **error);
