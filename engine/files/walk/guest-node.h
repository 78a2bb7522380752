/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about one node of a guest's files, asked for by its path, as a mount has them. The
 * answers are checked as those of a walk. All functions start the appliance if it rests. They give
 * VK_ERROR_NOT_FOUND when there certainly is no such path, VK_ERROR_USAGE when the path is too
 * long, and another error when it cannot be read, or when the appliance is gone: see
 * vk_guest_files_ended(). The volume or system was there before: when it is not, that is a failure,
 * and the appliance rests, so that another one looks again. Threads: as VkGuestFiles.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

/* Bytes that are read at once at most. */
#define VK_NODE_READ_MAX VK_MESSAGE_READ_MAX

typedef struct VkPlace {
	const char *volume; /* NULL: the installed system */
	const char
		*system; /* the volume of the root of the system, if there are several; or NULL */
	const char *path;
} VkPlace;

/* What is at PLACE; a symbolic link at the end is not followed. The path of the entry is "". */
gboolean vk_guest_node_look(VkGuestFiles *files, const VkPlace *place, VkEntry *ret,
			    GError **error);

/* An entry of a directory. "." and ".." are among them. */
typedef struct VkPageEntry {
	VkEntry entry;  /* its path is its name */
	guint64 cursor; /* behind it */
	gboolean known; /* else all but its name may be wrong */
} VkPageEntry;

typedef struct VkPage {
	GArray *entries; /* VkPageEntry, at most VK_MESSAGE_PAGE_MAX; some only at the end */
	gboolean is_last;
} VkPage;

void vk_page_free(VkPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPage, vk_page_free)

/* The entries of a directory from CURSOR on, 0 at first. A hostile appliance may never end. */
VkPage *vk_guest_node_list(VkGuestFiles *files, const VkPlace *place, guint64 cursor,
			   GError **error);

/* Fills BUFFER with LENGTH bytes of a file; those behind its end are zeros. */
gboolean vk_guest_node_read(VkGuestFiles *files, const VkPlace *place, guint64 offset,
			    guint8 *buffer, gsize length, GError **error);

/*
 * The first byte of a hole, or of data, at or behind OFFSET; not found: there is none before the
 * end.
 */
gboolean vk_guest_node_seek(VkGuestFiles *files, const VkPlace *place, guint64 offset,
			    gboolean hole, gboolean *ret_found, guint64 *ret_place, GError **error);

/* The extended attributes of a file or a directory: GBytes by their names (char*). */
GHashTable *vk_guest_node_attributes(VkGuestFiles *files, const VkPlace *place, GError **error);
