/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-sum.h"

#include "errors.h"
#include "interrupt.h"

#include <sys/stat.h>

/* What a small file can have without a block of its own. */
#define INLINE_MAX ((guint64)64 << 10)

/* Files with several names that are remembered. Each name of further ones counts. */
#define SEEN_MAX 1000000

struct VkCopySumming {
	VkCopySum *sum;
	guint64 entries_max;
	GHashTable *seen; /* "DEVICE:INODE" of files with several names */
};

VkCopySumming *vk_copy_summing_new(VkCopySum *sum, guint64 entries_max)
{
	VkCopySumming *summing = g_new(VkCopySumming, 1);

	*summing = (VkCopySumming){
		.sum = sum,
		.entries_max = entries_max,
		.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
	return summing;
}

void vk_copy_summing_free(VkCopySumming *summing)
{
	if (!summing)
		return;
	g_hash_table_unref(summing->seen);
	g_free(summing);
}

static gboolean is_seen(const VkCopySumming *summing, const VkEntry *entry)
{
	g_autofree char *identity = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
						    entry->device, entry->inode);

	return g_hash_table_contains(summing->seen, identity);
}

static gboolean is_new(VkCopySumming *summing, const VkEntry *entry)
{
	if (entry->links > 1 && g_hash_table_size(summing->seen) >= SEEN_MAX)
		return !is_seen(summing, entry);
	return entry->links <= 1 ||
	       g_hash_table_add(summing->seen,
				g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
						entry->device, entry->inode));
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	VkCopySumming *summing = data;
	guint64 room = entry->blocks > 0 && entry->blocks <= G_MAXUINT64 / 512 ? entry->blocks * 512
									       : INLINE_MAX;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (++summing->sum->entries > summing->entries_max)
		return vk_fail(error, VK_ERROR_FAILED, "there are too many entries");
	/* A sum that is too large for a number is too large for a disk. */
	if (S_ISREG(entry->mode) && is_new(summing, entry) &&
	    summing->sum->bytes <= G_MAXUINT64 / 2)
		summing->sum->bytes += MIN(entry->size, room);
	return TRUE;
}

VkWalkCalls vk_copy_summing_calls(VkCopySumming *summing)
{
	return (VkWalkCalls){.entry = take_entry, .data = summing};
}

gboolean vk_copy_sum(VkGuestFiles *files, const VkWalk *walk, guint64 entries_max, VkCopySum *ret,
		     GError **error)
{
	g_autoptr(VkCopySumming) summing = vk_copy_summing_new(ret, entries_max);
	const VkWalkCalls calls = vk_copy_summing_calls(summing);
	VkWalk quiet = *walk;
	GError *trouble = NULL;

	*ret = (VkCopySum){0};
	quiet.flags = VK_WALK_DEEP;
	quiet.quiet = TRUE;
	if (vk_guest_files_walk(files, &quiet, &calls, &trouble))
		return TRUE;
	if (ret->entries <= entries_max && !g_error_matches(trouble, VK_ERROR, VK_ERROR_PARTIAL) &&
	    !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	g_error_free(trouble);
	return TRUE;
}
