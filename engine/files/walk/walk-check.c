/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk-check.h"

#include "errors.h"

#include <string.h>
#include <sys/stat.h>

/* As many as FUSE passes. A name of NTFS or FAT has up to 765 in UTF-8. */
#define NAME_BYTES_MAX 1024
#define PATH_BYTES_MAX 32768

struct VkWalkCheck {
	guint64 size; /* of the last entry, if it is a regular file; else 0 */
	guint64 next; /* bytes of it may begin there */
	guint64 next_range;
};

VkWalkCheck *vk_walk_check_new(void)
{
	return g_new0(VkWalkCheck, 1);
}

void vk_walk_check_free(VkWalkCheck *check)
{
	g_free(check);
}

static gboolean is_name(const char *name, gsize length)
{
	return length > 0 && length <= NAME_BYTES_MAX && !(length == 1 && name[0] == '.') &&
	       !(length == 2 && name[0] == '.' && name[1] == '.');
}

static gboolean is_path(VkBytes bytes)
{
	const char *at = (const char *)bytes.at;
	const char *end = at + bytes.length;

	if (bytes.length == 0)
		return TRUE;
	if (bytes.length >= PATH_BYTES_MAX || memchr(at, '\0', bytes.length))
		return FALSE;
	for (;;) {
		const char *slash = memchr(at, '/', (gsize)(end - at));

		if (!is_name(at, (gsize)((slash ? slash : end) - at)))
			return FALSE;
		if (!slash)
			return TRUE;
		at = slash + 1;
	}
}

static gboolean is_target(const VkEntryReport *report)
{
	gboolean link = S_ISLNK(report->mode);

	return report->target.length < PATH_BYTES_MAX &&
	       !memchr(report->target.at, '\0', report->target.length) &&
	       (link || report->target.length == 0);
}

static gboolean is_mode(guint32 mode)
{
	return (mode & ~(guint32)(S_IFMT | 07777)) == 0 &&
	       (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
		S_ISFIFO(mode) || S_ISSOCK(mode));
}

static gboolean is_size(guint64 size)
{
	return size <= G_MAXINT64;
}

gboolean vk_entry_take(const VkEntryReport *report, VkEntry *ret, GError **error)
{
	*ret = (VkEntry){0};
	if (!is_path(report->path) || !is_target(report))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the appliance tells of an entry that cannot exist");
	*ret = (VkEntry){
		.path = g_strndup((const char *)report->path.at, report->path.length),
		.target = S_ISLNK(report->mode) ? g_strndup((const char *)report->target.at,
							    report->target.length)
						: NULL,
		.mode = report->mode,
		.uid = report->uid,
		.gid = report->gid,
		.links = report->links,
		.rdev_major = report->rdev_major,
		.rdev_minor = report->rdev_minor,
		.device = report->device,
		.inode = report->inode,
		.size = report->size,
		.blocks = report->blocks,
		.mtime_sec = report->mtime_sec,
		.mtime_nsec = report->mtime_nsec < 1000000000 ? report->mtime_nsec : 0,
	};
	return TRUE;
}

gboolean vk_walk_check_entry(VkWalkCheck *check, VkBody *body, VkEntry *ret, GError **error)
{
	const VkEntryReport report = vk_body_entry(body);

	*ret = (VkEntry){0};
	if (!vk_body_ended(body))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the appliance tells of an entry that cannot exist");
	check->size = S_ISREG(report.mode) && is_size(report.size) ? report.size : 0;
	check->next = check->next_range = 0;
	return vk_entry_take(&report, ret, error);
}

const char *vk_entry_fault(const VkEntry *entry)
{
	if (!is_mode(entry->mode))
		return "its type is unknown";
	return is_size(entry->size) ? NULL : "its size is impossible";
}

void vk_entry_clear(VkEntry *entry)
{
	g_clear_pointer(&entry->path, g_free);
	g_clear_pointer(&entry->target, g_free);
}

gboolean vk_walk_check_range(VkWalkCheck *check, VkBody *body, guint64 *ret_offset,
			     guint64 *ret_length, GError **error)
{
	guint64 offset, length;

	*ret_offset = *ret_length = 0;
	if (vk_body_ended(body))
		return TRUE;
	offset = vk_body_u64(body);
	length = vk_body_u64(body);
	if (body->bad || length == 0 || offset < check->next_range || offset > check->size ||
	    length > check->size - offset)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the appliance tells of data that no file has");
	check->next_range = offset + length;
	*ret_offset = offset;
	*ret_length = length;
	return TRUE;
}

gboolean vk_walk_check_bytes(VkWalkCheck *check, VkBody *body, guint64 *ret_offset,
			     VkBytes *ret_bytes, GError **error)
{
	guint64 offset = vk_body_u64(body);
	VkBytes bytes = vk_body_bytes(body);

	if (!vk_body_ended(body) || bytes.length == 0 || offset < check->next ||
	    offset > check->size || bytes.length > check->size - offset)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the appliance sends bytes that no file has");
	check->next = offset + bytes.length;
	*ret_offset = offset;
	*ret_bytes = bytes;
	return TRUE;
}
