/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window-files.h"

#include "window-room.h"

#include "crc.h"
#include "errors.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "VKWINDO\n"
/* No part is larger. */
#define PART_MAX (64u << 20)
/* Of the SHA-256 of a name. */
#define DIGITS 32
/* The time of the last use need not be more exact. */
#define TOUCH_SEC 60

typedef struct Header {
	char magic[8];
	guint32 crc32c; /* of whose it is, of what follows, and of the bytes */
	guint32 length;
	guint64 size;
} Header;
G_STATIC_ASSERT(sizeof(Header) == 24);

struct VkWindowFiles {
	char *top;         /* of all owners */
	char *own;         /* a folder in it */
	guint32 owner_sum; /* another owner's files do not fit */
	GMutex mutex;      /* guards what follows */
	VkWindowRoom room;
	gboolean is_off; /* nothing is put any more */
};

static char *digits_of(const char *text)
{
	char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

	sum[DIGITS] = '\0';
	return sum;
}

VkWindowFiles *vk_window_files_new(const char *directory, const char *owner, guint64 size)
{
	VkWindowFiles *files = g_new0(VkWindowFiles, 1);
	g_autofree char *name = digits_of(owner);

	files->top = g_build_filename(directory, "windows", NULL);
	files->own = g_build_filename(files->top, name, NULL);
	files->owner_sum = vk_crc32c(0, owner, strlen(owner) + 1);
	files->room.size = size;
	g_mutex_init(&files->mutex);
	return files;
}

void vk_window_files_free(VkWindowFiles *files)
{
	if (!files)
		return;
	g_mutex_clear(&files->mutex);
	g_free(files->own);
	g_free(files->top);
	g_free(files);
}

/* The folder of OBJECT, and the beginning of its files' names. New strings. */
static char *folder_of(const VkWindowFiles *files, const char *object, char **ret_start)
{
	g_autofree char *digits = digits_of(object);

	*ret_start = g_strconcat(digits, ".", NULL);
	return g_strdup_printf("%s/%.2s", files->own, digits);
}

static char *path_of(const VkWindowFiles *files, const char *object, const char *part)
{
	g_autofree char *start = NULL;
	g_autofree char *folder = folder_of(files, object, &start);

	return g_strconcat(folder, "/", start, part, NULL);
}

static guint32 sum_of(const VkWindowFiles *files, const char *object, const char *part,
		      const Header *header, const void *bytes)
{
	const gsize rest = G_STRUCT_OFFSET(Header, length);
	guint32 sum = vk_crc32c(files->owner_sum, object, strlen(object) + 1);

	sum = vk_crc32c(sum, part, strlen(part) + 1);
	sum = vk_crc32c(sum, &header->length, sizeof(*header) - rest);
	return vk_crc32c(sum, bytes, GUINT32_FROM_LE(header->length));
}

static gboolean read_exactly(int fd, guint64 offset, void *buf, gsize length)
{
	gsize got;

	return vk_io_read(fd, "a kept part", offset, buf, length, &got, NULL) && got == length;
}

static GBytes *read_part(const VkWindowFiles *files, int fd, const char *object, const char *part,
			 guint64 *ret_size)
{
	g_autofree guint8 *bytes = NULL;
	Header header;
	gsize length;

	if (!read_exactly(fd, 0, &header, sizeof(header)) ||
	    memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0)
		return NULL;
	length = GUINT32_FROM_LE(header.length);
	if (length > PART_MAX)
		return NULL;
	bytes = g_malloc(MAX(length, 1));
	if (!read_exactly(fd, sizeof(header), bytes, length) ||
	    sum_of(files, object, part, &header, bytes) != GUINT32_FROM_LE(header.crc32c))
		return NULL;
	if (ret_size)
		*ret_size = GUINT64_FROM_LE(header.size);
	return g_bytes_new_take(g_steal_pointer(&bytes), length);
}

/* By the time of a file it is seen which ones were not used for long. */
static void mark_used(int fd)
{
	struct stat facts;

	if (fstat(fd, &facts) == 0 &&
	    facts.st_mtime + TOUCH_SEC < g_get_real_time() / G_USEC_PER_SEC)
		futimens(fd, NULL);
}

/* Others may have made a file of this name before the directory was ours. */
static gboolean is_own(int fd)
{
	struct stat facts;

	return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
	       (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

GBytes *vk_window_files_get(VkWindowFiles *files, const char *object, const char *part,
			    guint64 *ret_size)
{
	g_autofree char *path = files ? path_of(files, object, part) : NULL;
	VK_AUTOFD fd =
		path ? vk_io_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, NULL) : -1;
	GBytes *bytes = fd >= 0 && is_own(fd) ? read_part(files, fd, object, part, ret_size) : NULL;

	if (bytes)
		mark_used(fd);
	else if (fd >= 0)
		vk_io.unlinkat(AT_FDCWD, path, 0);
	return bytes;
}

/* No other user may put files there. */
static gboolean make_folder(const VkWindowFiles *files, const char *folder)
{
	struct stat facts;

	return g_mkdir_with_parents(folder, 0700) == 0 && lstat(files->top, &facts) == 0 &&
	       S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() &&
	       (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* What a power cut leaves of it does not match its checksum: nothing is flushed. */
static gboolean write_file(const char *folder, const char *path, const Header *header,
			   const void *bytes, gsize length, GError **error)
{
	g_autofree char *temporary = g_strdup_printf("%s/" VK_WINDOW_TEMPORARY "%08x%08x", folder,
						     g_random_int(), g_random_int());
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
				  0600, error);

	if (fd < 0)
		return FALSE;
	if (vk_io_write(fd, path, 0, header, sizeof(*header), error) &&
	    vk_io_write(fd, path, sizeof(*header), bytes, length, error)) {
		if (vk_io.renameat2(AT_FDCWD, temporary, AT_FDCWD, path, 0) == 0)
			return TRUE;
		vk_fail_errno(error, errno, "cannot rename '%s'", path);
	}
	vk_io.unlinkat(AT_FDCWD, temporary, 0);
	return FALSE;
}

/* Whether so many bytes more may be written. What is old goes for them. */
static gboolean take_room(VkWindowFiles *files, gsize length)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&files->mutex);

	return !files->is_off && vk_window_room_take(&files->room, files->top, length);
}

static void turn_off(VkWindowFiles *files, const char *why)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&files->mutex);

	if (!files->is_off)
		vk_log_debug("nothing more is kept in '%s': %s", files->top, why);
	files->is_off = TRUE;
}

void vk_window_files_put(VkWindowFiles *files, const char *object, const char *part, GBytes *bytes,
			 guint64 size)
{
	g_autofree char *start = NULL;
	g_autofree char *folder = files ? folder_of(files, object, &start) : NULL;
	g_autofree char *path = folder ? g_strconcat(folder, "/", start, part, NULL) : NULL;
	g_autoptr(GError) trouble = NULL;
	Header header = {.magic = MAGIC, .size = GUINT64_TO_LE(size)};
	gsize length;
	const void *data = g_bytes_get_data(bytes, &length);

	if (!path || length > PART_MAX || !take_room(files, sizeof(header) + length))
		return;
	header.length = GUINT32_TO_LE((guint32)length);
	header.crc32c = GUINT32_TO_LE(sum_of(files, object, part, &header, data));
	if (!make_folder(files, folder))
		turn_off(files, "it cannot be made, or is not ours alone");
	else if (!write_file(folder, path, &header, data, length, &trouble))
		turn_off(files, trouble->message);
}

void vk_window_files_drop(VkWindowFiles *files, const char *object)
{
	g_autofree char *start = NULL;
	g_autofree char *folder = files ? folder_of(files, object, &start) : NULL;
	g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (g_str_has_prefix(name, start))
			vk_io.unlinkat(AT_FDCWD, path, 0);
	}
}
