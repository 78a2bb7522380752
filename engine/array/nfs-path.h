/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of NFS mounts and of the paths that a server exports. No server is asked. Threads:
 * free.
 */
#pragma once

#include <glib.h>

/* "host:/export", where the host may be an IPv6 address in brackets. New strings. */
gboolean vk_nfs_parse_source(const char *source, char **ret_host, char **ret_export);

/* The parts, of which NULL is the end, with one slash before each word and none at the end. */
char *vk_nfs_join(const char *part, ...) G_GNUC_NULL_TERMINATED;
