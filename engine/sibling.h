/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other programs of the project, run in this one's place.
 */
#pragma once

#include "program.h"

#include <glib.h>

/* The common options as PROGRAM has them, for a sibling's command line. Free with g_ptr_array_unref. */
GPtrArray *vk_sibling_arguments(const VkProgram *program, const char *name);

/*
 * Becomes the program that ARGUMENTS (char*) start with: from this program's own directory, from
 * "../FOLDER" of it (where a build leaves it), or from PATH. Returns only when that failed.
 */
gboolean vk_sibling_exec(const char *folder, GPtrArray *arguments, GError **error);
