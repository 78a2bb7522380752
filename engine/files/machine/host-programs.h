/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs of this host by which the agent reads what the kernel does not. Threads: free. */
#pragma once

#include "initrd.h"

#include <glib.h>

/*
 * Adds to INITRD those that are installed, with the libraries that they need, all below "usr". The
 * agent names the package of one that is not.
 */
gboolean vk_host_programs_add(VkInitrd *initrd, GError **error);
