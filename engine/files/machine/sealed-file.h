/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file in memory that the sandbox gets. Once sealed, nobody can change it: the sandbox could use
 * it as memory beyond its bound. Threads: free.
 */
#pragma once

#include <glib.h>

/* A new one, empty and not sealed; -1 on failure. The caller closes it. */
int vk_sealed_file_new(GError **error);

/* Seals FD, and goes back to its begin. */
gboolean vk_sealed_file_seal(int fd, GError **error);
