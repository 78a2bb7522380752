/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes one value in the configuration file, and no other byte. */
#pragma once

#include <glib.h>

/*
 * Sets [GROUP] KEY in the file PATH to VALUE, or adds it; makes the file if it does not exist. The
 * file, or the file that a symbolic link leads to, is replaced atomically and keeps its mode and
 * owner. *RET_CHANGED is FALSE when VALUE was there already: nothing is written then. Changes that
 * an editor makes meanwhile are lost. Threads: free.
 */
gboolean vk_settings_file_set(const char *path, const char *group, const char *key,
			      const char *value, gboolean *ret_changed, GError **error);
