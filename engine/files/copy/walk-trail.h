/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTrail: the directories above the present entry of a walk, as its receiver has made them, the
 * innermost last. A directory that the walk has left gets nothing more. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkTrail VkTrail;

/* All is in DIRECTORY, which is at PATH. FALSE ends the walk. */
typedef gboolean (*VkTrailLeave)(gpointer data, const char *path, gpointer directory,
				 GError **error);

/* Directories are freed by FREE_DIRECTORY once they are left. */
VkTrail *vk_trail_new(VkTrailLeave leave, gpointer data, GDestroyNotify free_directory);
void vk_trail_free(VkTrail *trail); /* takes NULL; leaves nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTrail, vk_trail_free)

/* Leaves all directories that are not above PATH; with NULL all. */
gboolean vk_trail_move(VkTrail *trail, const char *path, GError **error);

/*
 * Whether the innermost directory is that of PATH, after moving there. If it is not, what should be
 * that was not made.
 */
gboolean vk_trail_leads_to(const VkTrail *trail, const char *path);

/* Enters DIRECTORY, which is at PATH and taken. */
void vk_trail_enter(VkTrail *trail, const char *path, gpointer directory);

/* The innermost directory, borrowed; NULL: the trail is at its beginning. */
gpointer vk_trail_innermost(const VkTrail *trail);

/* How many directories there are. */
guint vk_trail_depth(const VkTrail *trail);
