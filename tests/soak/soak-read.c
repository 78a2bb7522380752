/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers of files: of what was restored, and of a mount that may be killed or stopped. */
#include "soak.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE          (256u * 1024)
#define PAUSE_USEC_MAX 200000
#define FILES_MAX      8

/* A mount that was killed answers with these. */
static gboolean is_gone(int errno_value)
{
	return errno_value == ENOTCONN || errno_value == ECONNABORTED;
}

static gboolean fail_reading(const char *path, GError **error)
{
	int errno_value = errno;

	return is_gone(errno_value)
		       ? vk_fail(error, VK_ERROR_CHANGED, "'%s': the mount went away", path)
		       : vk_fail_errno(error, errno_value, "'%s' cannot be read", path);
}

/* A read that meets an error half way gives what came before. The next one gives the error. */
static gboolean read_piece(int fd, const char *path, guint8 *bytes, gsize length, guint64 offset,
			   GError **error)
{
	for (gsize done = 0; done < length;) {
		ssize_t got = pread(fd, bytes + done, length - done, (off_t)(offset + done));

		if (got < 0)
			return fail_reading(path, error);
		if (got == 0)
			return vk_fail(error, VK_ERROR_DAMAGE, "'%s' ends too early", path);
		done += (gsize)got;
	}
	return TRUE;
}

/* Reads all of FD. With a RANDOM it pauses now and then. */
static gboolean compare_open(int fd, const char *path, const Content *content, GRand *random,
			     GError **error)
{
	g_autofree guint8 *bytes = g_malloc(PIECE);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_reading(path, error);
	if ((guint64)st.st_size != content->size)
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' has another size", path);
	for (guint64 at = 0; at < content->size; at += PIECE) {
		gsize length = (gsize)MIN(PIECE, content->size - at);

		if (!read_piece(fd, path, bytes, length, at, error))
			return FALSE;
		if (!content_matches(content, at, bytes, length))
			return vk_fail(error, VK_ERROR_DAMAGE,
				       "'%s': wrong bytes behind %" G_GUINT64_FORMAT, path, at);
		if (random && g_rand_int_range(random, 0, 10) == 0)
			g_usleep((gulong)g_rand_int_range(random, 0, PAUSE_USEC_MAX));
	}
	return TRUE;
}

gboolean soak_compare(const Soak *soak, const char *path, const char *guest, const char *id,
		      const char *target, GError **error)
{
	g_autofree char *expected = soak_ledger_path(soak, guest, id, target);
	g_autoptr(Content) content = content_load(expected, error);
	VK_AUTOFD fd = content ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (!content)
		return FALSE;
	return fd < 0 ? fail_reading(path, error) : compare_open(fd, path, content, NULL, error);
}

/* One of the names in a folder at random; NULL: there is none, or no folder. New string. */
static char *choose_name(const char *folder, GRand *random)
{
	g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	/* "latest" may be another one a moment later. */
	while (directory && (name = g_dir_read_name(directory)))
		if (!g_str_equal(name, "latest"))
			g_ptr_array_add(names, g_strdup(name));
	if (names->len == 0)
		return NULL;
	return g_strdup(names->pdata[g_rand_int_range(random, 0, (gint32)names->len)]);
}

/* The id of the snapshot that is shown in the folder; NULL: it is not there any more. New string.
 */
static char *read_id(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "snapshot.json", NULL);
	g_autofree char *text = NULL;
	json_auto_t *report = NULL;
	const char *id = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	report = json_loads(text, 0, NULL);
	g_assert(report && json_unpack(report, "{s:s}", "id", &id) == 0);
	return g_strdup(id);
}

/*
 * Reads a disk of the snapshot that is shown in the folder FD. What vanishes until it is open was
 * forgotten. From then on it has to stay.
 */
static gboolean read_disk(const Soak *soak, int fd, const char *guest, GError **error)
{
	const char *target = g_rand_boolean(soak->random) ? "vda" : "vdb";
	g_autofree char *folder = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_strdup_printf("%s/%s.raw", folder, target);
	g_autofree char *id = read_id(folder);
	g_autofree char *title = id ? g_strdup_printf("%s@%s:%s", guest, id, target) : NULL;
	g_autofree char *expected = id ? soak_ledger_path(soak, guest, id, target) : NULL;
	g_autoptr(Content) content = NULL;
	VK_AUTOFD disk = id ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (!id || (disk < 0 && (errno == ENOENT || errno == ESTALE || is_gone(errno))))
		return TRUE;
	if (disk < 0)
		return fail_reading(title, error);
	content = content_load(expected, error);
	return content && compare_open(disk, title, content, soak->random, error);
}

/* The folder is opened first: another snapshot of that time would have another one. */
static gboolean read_one(const Soak *soak, const char *guests, GError **error)
{
	g_autofree char *guest = choose_name(guests, soak->random);
	g_autofree char *folder = guest ? g_build_filename(guests, guest, NULL) : NULL;
	g_autofree char *time = folder ? choose_name(folder, soak->random) : NULL;
	g_autofree char *shown = time ? g_build_filename(folder, time, NULL) : NULL;
	VK_AUTOFD fd = shown ? open(shown, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 || read_disk(soak, fd, guest, error);
}

gboolean soak_read(const Soak *soak, const char *mount, GError **error)
{
	g_autofree char *guests = g_build_filename(mount, "guests", NULL);

	for (guint i = 0; i < FILES_MAX; i++)
		if (!read_one(soak, guests, error))
			return FALSE;
	return TRUE;
}
