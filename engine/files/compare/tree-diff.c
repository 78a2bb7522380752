/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree-diff.h"

#include <string.h>
#include <sys/stat.h>

static gboolean is_other_time(const VkEntry *before, const VkEntry *after)
{
	return !S_ISDIR(before->mode) &&
	       (before->mtime_sec != after->mtime_sec || before->mtime_nsec != after->mtime_nsec);
}

static gboolean is_other_content(const VkDiffEntry *before, const VkDiffEntry *after)
{
	const VkEntry *one = &before->entry, *other = &after->entry;

	if (S_ISREG(one->mode))
		return one->size != other->size ||
		       (before->has_digest
				? memcmp(before->digest, after->digest, sizeof(before->digest)) != 0
				: is_other_time(one, other));
	if (S_ISLNK(one->mode))
		return strcmp(one->target, other->target) != 0;
	return (S_ISCHR(one->mode) || S_ISBLK(one->mode)) &&
	       (one->rdev_major != other->rdev_major || one->rdev_minor != other->rdev_minor);
}

/* FALSE: they are the same. */
static gboolean find_kind(const VkDiffEntry *before, const VkDiffEntry *after, VkDiffKind *ret)
{
	const VkEntry *one = &before->entry, *other = &after->entry;

	if ((one->mode & S_IFMT) != (other->mode & S_IFMT))
		*ret = VK_DIFF_TYPE;
	else if (is_other_content(before, after))
		*ret = VK_DIFF_CONTENT;
	else if (one->mode != other->mode || one->uid != other->uid || one->gid != other->gid ||
		 is_other_time(one, other))
		*ret = VK_DIFF_METADATA;
	else
		return FALSE;
	return TRUE;
}

/* Which of the two comes first: as of vk_walk_order(). Either may be NULL: it has ended. */
static int order_of(const VkDiffEntry *before, const VkDiffEntry *after)
{
	if (!before || !after)
		return before ? -1 : 1;
	return vk_walk_order(before->entry.path, after->entry.path);
}

gboolean vk_tree_diff(VkDiffSide *before, VkDiffSide *after, VkDiffReport report, gpointer data,
		      GError **error)
{
	for (;;) {
		const VkDiffEntry *one, *other;
		const char *path;
		VkDiffKind kind;
		int order;

		if (!vk_diff_side_peek(before, &one, error) ||
		    !vk_diff_side_peek(after, &other, error))
			return FALSE;
		if (!one && !other)
			return TRUE;
		order = order_of(one, other);
		path = order <= 0 ? one->entry.path : other->entry.path;
		kind = order < 0 ? VK_DIFF_REMOVED : VK_DIFF_ADDED;
		if (!vk_diff_side_is_unread(before, path) && !vk_diff_side_is_unread(after, path) &&
		    (order != 0 || find_kind(one, other, &kind)) &&
		    !report(data, kind, order <= 0 ? &one->entry : NULL,
			    order >= 0 ? &other->entry : NULL, error))
			return FALSE;
		if (order <= 0)
			vk_diff_side_drop(before);
		if (order >= 0)
			vk_diff_side_drop(after);
	}
}
