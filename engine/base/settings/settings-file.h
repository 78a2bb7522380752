/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing one value of the configuration file, and not a byte besides it. */
#pragma once

#include <glib.h>

/*
 * Sets [GROUP] KEY in the file PATH to VALUE, or adds it; a file that is not there is made. The
 * file is replaced atomically, or when it is a symbolic link, what it leads to, and keeps its mode
 * and owner. *RET_CHANGED is FALSE when VALUE was there already: nothing is written then. Whoever
 * edits the file meanwhile loses. Threads: free.
 */
gboolean vk_settings_file_set(const char *path, const char *group, const char *key,
			      const char *value, gboolean *ret_changed, GError **error);
