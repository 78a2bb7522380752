/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSwap: several files that take their names together. Files that they replace are set aside
 * beside them until the swap is kept, as NAME.virtkeep-old-TIME, or as NAME.old-TIME with
 * --keep-old. They come back when the swap is not kept; new files and directories are removed then.
 * A destination is never without a file meanwhile. Block devices and stdout only pass through.
 * Threads: one at a time.
 */
#pragma once

#include "plan.h"
#include "sink.h"

#include <glib.h>

typedef struct VkSwap VkSwap;

/*
 * For files of the snapshot TIME, which their images note. With OLD_MARK (nullable) what was set
 * aside is not removed in the end, but gets that at the end of its name. Both are borrowed.
 */
VkSwap *vk_swap_new(const char *time, const char *old_mark);

/* Makes ITEM's owner directory if it has one and lacks it. */
gboolean vk_swap_make_directory(VkSwap *swap, const VkRestoreItem *item, GError **error);

/* Takes over SINK, which was finished. ITEM is borrowed. */
void vk_swap_add(VkSwap *swap, const VkRestoreItem *item, VkSink *sink);

/* The same for a file PATH that is no item; EXISTS: it replaces one. */
void vk_swap_add_file(VkSwap *swap, const char *path, gboolean exists, VkSink *sink);

/* The file PATH goes, and comes back as files do that are replaced. */
void vk_swap_add_removal(VkSwap *swap, const char *path);

/* A block device is open and about to be overwritten: this cannot be undone. */
void vk_swap_note_overwriting(VkSwap *swap);
gboolean vk_swap_has_overwritten(const VkSwap *swap);

/* Gives all files their names, in the order of the adding. After a failure none has it. */
gboolean vk_swap_commit(VkSwap *swap, GError **error);

/* The new files stay: removes what was set aside, or keeps it. FALSE names what it could not. */
gboolean vk_swap_keep(VkSwap *swap, GError **error);

/* Brings the old files back unless kept; a file that cannot come back is logged. Takes NULL. */
void vk_swap_free(VkSwap *swap);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSwap, vk_swap_free)
