/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-budget.h"

#include "errors.h"
#include "table.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What others keep: this part of the file system, at most so many bytes. */
#define REST_PART  20
#define REST_BYTES ((guint64)1 << 30)

static gboolean fail_room(const char *title, const VkCopySum *sum, guint64 free_bytes,
			  GError **error)
{
	g_autofree char *needed = vk_size_text(sum->bytes);
	g_autofree char *there = vk_size_text(free_bytes);
	g_autofree char *missing = vk_size_text(sum->bytes - free_bytes);

	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' has only %s free, and the copy needs %s: make %s of room, choose "
		       "another directory, or copy less",
		       title, there, needed, missing);
}

gboolean vk_copy_budget_set(VkCopyBudget *budget, int root, const char *title, const VkCopySum *sum,
			    GError **error)
{
	struct statvfs fs;
	guint64 free_bytes, free_entries, rest;

	if (fstatvfs(root, &fs) < 0)
		return vk_fail_errno(error, errno, "cannot look how much room '%s' has", title);
	/* Root may fill what is reserved for it. */
	free_bytes = (guint64)fs.f_frsize * (geteuid() == 0 ? fs.f_bfree : fs.f_bavail);
	free_entries = geteuid() == 0 ? fs.f_ffree : fs.f_favail;
	if (sum->bytes > free_bytes)
		return fail_room(title, sum, free_bytes, error);
	/* btrfs and the like make their inodes as they need them. */
	if (fs.f_files > 0 && sum->entries > free_entries)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"'%s' has room for %" G_GUINT64_FORMAT
			" more files only (inodes), and the copy needs at least %" G_GUINT64_FORMAT
			": choose another directory, or copy less",
			title, free_entries, sum->entries);
	rest = MIN((guint64)fs.f_frsize * fs.f_blocks / REST_PART, REST_BYTES);
	budget->awaited = sum->bytes;
	budget->bytes = MAX(sum->bytes, free_bytes - MIN(rest, free_bytes));
	rest = fs.f_files / REST_PART;
	budget->entries = fs.f_files > 0 ? MAX(sum->entries, free_entries - MIN(rest, free_entries))
					 : G_MAXUINT64;
	return TRUE;
}

gboolean vk_copy_budget_take(VkCopyBudget *budget, guint64 bytes, guint64 entries)
{
	if (bytes > budget->bytes || entries > budget->entries)
		return FALSE;
	budget->bytes -= bytes;
	budget->entries -= entries;
	budget->awaited -= MIN(bytes, budget->awaited);
	return TRUE;
}
