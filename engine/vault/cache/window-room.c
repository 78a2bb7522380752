/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window-room.h"

#include "io.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Of a process that was killed. Nobody writes a file for so long. */
#define LEFTOVER_SEC 3600

typedef struct File {
	char *path;
	gint64 used; /* nanoseconds since 1970 */
	guint64 size;
} File;

static void file_clear(gpointer data)
{
	g_free(((File *)data)->path);
}

static void add_file(const char *path, const char *name, GArray *files)
{
	const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	struct stat facts;
	File file;

	if (lstat(path, &facts) < 0 || !S_ISREG(facts.st_mode))
		return;
	if (g_str_has_prefix(name, VK_WINDOW_TEMPORARY) && facts.st_mtime + LEFTOVER_SEC < now) {
		vk_io.unlinkat(AT_FDCWD, path, 0);
		return;
	}
	file = (File){.path = g_strdup(path),
		      .used = facts.st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) +
			      facts.st_mtim.tv_nsec,
		      .size = (guint64)facts.st_size};
	g_array_append_val(files, file);
}

/* Appends the files that are so many folders below FOLDER. */
static void add_files(const char *folder, guint depth, GArray *files)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (depth > 0)
			add_files(path, depth - 1, files);
		else
			add_file(path, name, files);
	}
}

static gint compare_use(gconstpointer a, gconstpointer b)
{
	const File *left = a, *right = b;

	return (left->used > right->used) - (left->used < right->used);
}

/* What is read just now stays readable for who has opened it. */
static guint64 remove_oldest(GArray *files, guint64 total, guint64 most)
{
	g_array_sort(files, compare_use);
	for (guint i = 0; i < files->len && total > most; i++) {
		const File *file = &g_array_index(files, File, i);

		if (vk_io.unlinkat(AT_FDCWD, file->path, 0) == 0)
			total -= MIN(total, file->size);
	}
	return total;
}

gboolean vk_window_room_take(VkWindowRoom *room, const char *top, gsize length)
{
	g_autoptr(GArray) files = NULL;
	guint64 total = 0;

	if (length > room->size / 8)
		return FALSE;
	if (length <= room->left) {
		room->left -= length;
		return TRUE;
	}
	files = g_array_new(FALSE, FALSE, sizeof(File));
	g_array_set_clear_func(files, file_clear);
	add_files(top, 2, files);
	for (guint i = 0; i < files->len; i++)
		total += g_array_index(files, File, i).size;
	if (total + length + room->size / 16 > room->size)
		total = remove_oldest(files, total, room->size / 8 * 7 - length);
	if (total + length > room->size)
		return FALSE;
	room->left = MIN(room->size / 16, room->size - total - length);
	return TRUE;
}
