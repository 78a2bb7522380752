/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of the command copy that puts files back into running guests. Threads: one at a time. */
#pragma once

#include "commands.h"

#include <glib.h>

/*
 * Copies LOCATIONS (VkLocation) to WHERE: "[GUEST][:/PATH]". The default of GUEST is that of the
 * snapshot, the default of PATH where the file was.
 */
gboolean vk_copy_to_guest(VkFilesRun *run, GPtrArray *locations, const char *where,
			  gboolean overwrite, GError **error);
