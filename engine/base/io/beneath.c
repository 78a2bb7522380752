/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "beneath-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a call is made: NAME in the folder FD. */
typedef struct Place {
	int fd;
	gboolean is_open; /* FD is to be closed */
	char *name;       /* without a slash, but for paths that are not looked at */
} Place;

/* Keeps errno. */
static void close_folder(Place *place)
{
	int trouble = errno;

	if (place->is_open)
		close(place->fd);
	place->is_open = FALSE;
	errno = trouble;
}

static void leave(Place *place)
{
	close_folder(place);
	g_clear_pointer(&place->name, g_free);
}

/* From the folder at hand to its folder NAME. */
static gboolean enter(Place *place, const char *name)
{
	int next = openat(place->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat facts;

	/* The kernel says ENOTDIR, which would puzzle whoever made a link to a directory. */
	if (next < 0 && errno == ENOTDIR &&
	    fstatat(place->fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(facts.st_mode))
		errno = ELOOP;
	close_folder(place);
	place->fd = next;
	place->is_open = next >= 0;
	return next >= 0;
}

/*
 * FALSE with errno. Leave it in any case. A slash at the end is left out: for the kernel it means
 * that a link is followed.
 */
static gboolean find(int dirfd, const char *path, Place *ret)
{
	gboolean is_free = dirfd == AT_FDCWD || !strchr(path, '/') || *path == '/';
	g_auto(GStrv) names = is_free ? NULL : g_strsplit(path, "/", -1);

	*ret = (Place){.fd = dirfd, .name = is_free ? g_strdup(path) : NULL};
	for (char **name = names; name && *name; name++) {
		if (!**name)
			continue;
		if (strcmp(*name, "..") == 0) {
			errno = EXDEV;
			return FALSE;
		}
		if (ret->name && !enter(ret, ret->name))
			return FALSE;
		g_free(ret->name);
		ret->name = g_strdup(*name);
	}
	g_assert(ret->name);
	return TRUE;
}

int vk_beneath_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	Place place;
	int fd = find(dirfd, path, &place) ? openat(place.fd, place.name,
						    flags | (place.is_open ? O_NOFOLLOW : 0), mode)
					   : -1;

	leave(&place);
	return fd;
}

typedef int (*CallOnTwo)(const Place *from, const Place *to, unsigned flags);

static int call_on_two(CallOnTwo call, int olddir, const char *old, int newdir, const char *name,
		       unsigned flags)
{
	Place from, to = {0};
	int result =
		find(olddir, old, &from) && find(newdir, name, &to) ? call(&from, &to, flags) : -1;

	leave(&from);
	leave(&to);
	return result;
}

static int rename_place(const Place *from, const Place *to, unsigned flags)
{
	return renameat2(from->fd, from->name, to->fd, to->name, flags);
}

int vk_beneath_renameat2(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	return call_on_two(rename_place, olddir, old, newdir, name, flags);
}

static int link_place(const Place *from, const Place *to, unsigned flags)
{
	return linkat(from->fd, from->name, to->fd, to->name, (int)flags);
}

int vk_beneath_linkat(int olddir, const char *old, int newdir, const char *name, int flags)
{
	return call_on_two(link_place, olddir, old, newdir, name, (unsigned)flags);
}

int vk_beneath_unlinkat(int dirfd, const char *path, int flags)
{
	Place place;
	int result = find(dirfd, path, &place) ? unlinkat(place.fd, place.name, flags) : -1;

	leave(&place);
	return result;
}

int vk_beneath_mkdirat(int dirfd, const char *path, mode_t mode)
{
	Place place;
	int result = find(dirfd, path, &place) ? mkdirat(place.fd, place.name, mode) : -1;

	leave(&place);
	return result;
}

int vk_beneath_lstatat(int dirfd, const char *path, struct stat *ret)
{
	Place place;
	int result = find(dirfd, path, &place)
			     ? fstatat(place.fd, place.name, ret, AT_SYMLINK_NOFOLLOW)
			     : -1;

	leave(&place);
	return result;
}
