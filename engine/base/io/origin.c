/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "origin.h"

#include "timestamp.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define NAME       "user.virtkeep.restored"
#define LENGTH_MAX 64

/* A copy of the file may have taken the note along, but not its inode. New string. */
static char *note(const struct stat *file, const char *time)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT " %s", (guint64)file->st_ino, time);
}

void vk_origin_set(int fd, const char *time)
{
	g_autofree char *text = NULL;
	struct stat file;

	if (fstat(fd, &file) < 0)
		return;
	text = note(&file, time);
	fsetxattr(fd, NAME, text, strlen(text), 0);
}

char *vk_origin_get(const char *path)
{
	g_autofree char *expected = NULL;
	char text[LENGTH_MAX + 1] = {0};
	struct stat file;
	const char *time;
	gint64 seconds;

	if (stat(path, &file) < 0 || !S_ISREG(file.st_mode) ||
	    getxattr(path, NAME, text, LENGTH_MAX) < 0)
		return NULL;
	time = strchr(text, ' ');
	if (!time || !vk_time_parse(time + 1, &seconds, NULL))
		return NULL;
	expected = note(&file, time + 1);
	return strcmp(expected, text) == 0 ? g_strdup(time + 1) : NULL;
}
