/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-bed.h"

#include "log.h"
#include "temp-vault.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

char *bed_directory, *bed_outside;
VkWalkCalls bed_calls;

void bed_make_directories(void)
{
	vk_log_set_level(VK_LOG_QUIET);
	bed_directory = temp_directory_new();
	bed_outside = temp_directory_new();
}

void bed_remove_directories(void)
{
	temp_directory_remove(bed_directory);
	g_free(bed_directory);
	temp_directory_remove(bed_outside);
	g_free(bed_outside);
}

gboolean bed_give(const char *path, guint32 mode, guint64 size, const char *target, GError **error)
{
	g_autofree char *copy = g_strdup(path);
	g_autofree char *to = g_strdup(target);
	const VkEntry made = {.path = copy,
			      .target = to,
			      .mode = mode,
			      .uid = geteuid(),
			      .gid = getegid(),
			      .links = 1,
			      .size = size,
			      .mtime_sec = BED_TIME};

	return bed_calls.entry(bed_calls.data, &made, error);
}

void bed_entry(const char *path, guint32 mode, guint64 size)
{
	ck_assert(bed_give(path, mode, size, NULL, NULL));
}

void bed_bytes(guint64 offset, const char *text)
{
	ck_assert(
		bed_calls.bytes(bed_calls.data, offset, (const guint8 *)text, strlen(text), NULL));
}

char *bed_place(const char *path)
{
	return g_build_filename(bed_directory, path, NULL);
}

void bed_check_content(const char *path, const char *expected, gsize expected_length)
{
	g_autofree char *full = bed_place(path);
	g_autofree char *text = NULL;
	gsize length;

	ck_assert_msg(g_file_get_contents(full, &text, &length, NULL), "no '%s'", path);
	ck_assert_uint_eq(length, expected_length);
	ck_assert_mem_eq(text, expected, length);
}

struct stat bed_look(const char *path)
{
	g_autofree char *full = bed_place(path);
	struct stat st;

	ck_assert_msg(lstat(full, &st) == 0, "no '%s'", path);
	return st;
}

guint bed_entries_of(const char *path)
{
	g_autoptr(GDir) opened = g_dir_open(path, 0, NULL);
	guint count = 0;

	while (g_dir_read_name(opened))
		count++;
	return count;
}
