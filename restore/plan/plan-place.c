/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-place.h"

#include "errors.h"
#include "io.h"
#include "qemu-image.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file name has at most 255 bytes; this leaves room for the part and for what sets aside. */
#define GUEST_NAME_KEPT 160

char *vk_place_file_name(const char *guest, const char *part)
{
	g_autofree char *name = g_strdup(guest);
	char *whole;

	if (strlen(name) > GUEST_NAME_KEPT) {
		char *end = g_utf8_find_prev_char(name, name + GUEST_NAME_KEPT + 1);

		*(end ? end : name + GUEST_NAME_KEPT) = '\0';
	}
	whole = g_strdup_printf("%s-%s", name, part);
	g_strdelimit(whole, "/\n", '_');
	if (*whole == '.')
		*whole = '_';
	return whole;
}

char *vk_place_disk_name(const char *target, const char *format)
{
	return g_strdup_printf("%s.%s", target, format);
}

const char *vk_place_format(const char *format, const char *original)
{
	if (!format)
		format = original;
	return g_strcmp0(format, "qcow2") == 0 ? "qcow2" : "raw";
}

/* A block device that is mounted, or that another driver uses, for example LVM. */
static gboolean is_held(const char *path)
{
	VK_AUTOFD fd = vk_io_open_storage(path, O_RDONLY, NULL);
	VK_AUTOFD exclusive = -1;
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return FALSE;
	exclusive = open(link, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	return exclusive < 0 && errno == EBUSY;
}

gboolean vk_place_check_unused(const char *path, GError **error)
{
	if (is_held(path))
		return vk_fail(error, VK_ERROR_BUSY,
			       "'%s' is mounted or held by another device of this host: free it "
			       "first",
			       path);
	if (vk_image_file_is_in_use(path))
		return vk_fail(error, VK_ERROR_BUSY,
			       "'%s' is in use by a running guest, here or on another host: shut "
			       "that guest down first, or restore it with --in-place where it runs",
			       path);
	return TRUE;
}

gboolean vk_place_is_device_path(const char *path)
{
	return g_str_has_prefix(path, "/dev/") && !g_str_has_prefix(path, "/dev/shm/");
}

static gboolean check_block(VkRestoreItem *item, gboolean force, GError **error)
{
	if (strcmp(item->place.format, "raw") != 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' is a block device, which takes raw only: use --format raw",
			       item->path);
	if (!force)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' is a block device: use --force to overwrite what it holds, "
			       "which cannot be undone, or --to DIR",
			       item->path);
	item->place.kind = VK_PLACE_BLOCK;
	return vk_sink_block_check(&item->place, error);
}

static gboolean check_directory(const VkRestoreItem *item, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(item->path);

	if (item->owner_directory || g_file_test(directory, G_FILE_TEST_IS_DIR))
		return TRUE;
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "cannot write '%s': the directory '%s' does not exist; make it, or name "
		       "another with --to",
		       item->path, directory);
}

gboolean vk_place_set(VkRestoreItem *item, const char *path, VkReplace replace, gboolean force,
		      const char *hint, GError **error)
{
	struct stat st;

	item->path = g_strdup(path);
	item->place.path = vk_safe_path(path, error);
	if (!item->place.path)
		return FALSE;
	if (lstat(item->place.path, &st) < 0) {
		if (errno == ENOENT)
			return check_directory(item, error);
		return vk_fail_errno(error, errno, "cannot look at '%s'", path);
	}
	item->exists = TRUE;
	if (S_ISDIR(st.st_mode))
		return vk_fail(error, VK_ERROR_EXISTS, "'%s' is a directory: use --to", path);
	if (S_ISBLK(st.st_mode) && !check_block(item, force, error))
		return FALSE;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a block device",
			       path);
	if (S_ISREG(st.st_mode) && replace == VK_REPLACE_NO)
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' exists already: use --force to replace it%s", path, hint);
	/* A disk has no use for the bits that make a program another user's. */
	item->place.mode = st.st_mode & 0777;
	item->place.uid = st.st_uid;
	item->place.gid = st.st_gid;
	return replace == VK_REPLACE_IN_USE || vk_place_check_unused(item->place.path, error);
}
