/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkLocation: a path inside a guest, as people write it: SNAPSHOT:/PATH is the installed system's,
 * SNAPSHOT:VOLUME:/PATH a volume's, SNAPSHOT alone the installed system's "/". Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkLocation {
	char *snapshot;
	char *volume; /* "vda1", "vdc@home"; NULL: the installed system */
	char *path;   /* begins with '/' */
} VkLocation;

/* VK_ERROR_USAGE when it has no snapshot, or a path that is none. */
gboolean vk_location_parse(const char *text, VkLocation *ret, GError **error);
void vk_location_clear(VkLocation *location);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkLocation, vk_location_clear)

/* The directory that what is there is in: "/srv" for "/srv/etc/", "/" for "/". New string. */
char *vk_location_directory(const VkLocation *location);

/* Parses the first COUNT words. Returns VkLocation*, owned by the array. */
GPtrArray *vk_locations_parse(char **words, guint count, GError **error);
