/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-sum.h"

#include "errors.h"
#include "interrupt.h"

#include <sys/stat.h>

/* What a small file can have without a block of its own. */
#define INLINE_MAX ((guint64)64 << 10)

typedef struct Summing {
	VkCopySum *sum;
	GHashTable *seen; /* "DEVICE:INODE" of files with several names */
} Summing;

static gboolean is_new(Summing *summing, const VkEntry *entry)
{
	return entry->links <= 1 ||
	       g_hash_table_add(summing->seen,
				g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
						entry->device, entry->inode));
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Summing *summing = data;
	guint64 room = entry->blocks > 0 && entry->blocks <= G_MAXUINT64 / 512 ? entry->blocks * 512
									       : INLINE_MAX;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	summing->sum->entries++;
	/* A sum that is too large for a number is too large for a disk. */
	if (S_ISREG(entry->mode) && is_new(summing, entry) &&
	    summing->sum->bytes <= G_MAXUINT64 / 2)
		summing->sum->bytes += MIN(entry->size, room);
	return TRUE;
}

gboolean vk_copy_sum(VkGuestFiles *files, const VkWalk *walk, VkCopySum *ret, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Summing summing = {.sum = ret, .seen = seen};
	const VkWalkCalls calls = {.entry = take_entry, .data = &summing};
	VkWalk quiet = *walk;
	GError *trouble = NULL;

	*ret = (VkCopySum){0};
	quiet.flags = VK_WALK_DEEP;
	quiet.quiet = TRUE;
	if (vk_guest_files_walk(files, &quiet, &calls, &trouble))
		return TRUE;
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_PARTIAL) &&
	    !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	g_error_free(trouble);
	return TRUE;
}
