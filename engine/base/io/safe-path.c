/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A path is walked from directory to directory. Each is held open, so no user can replace it
 * between the check and the next step. Links are resolved here for the same reason.
 */
#include "safe-path.h"

#include "errors.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX     40 /* as the kernel has it */
#define RESOLVE_TRIES 10

typedef struct {
	const char *path; /* in whole, for the errors */
	gboolean check;   /* everything on the way, not only links */
	guint links;      /* followed so far */
} Walk;

static int walk_from(Walk *walk, int start, const char *path, GError **error);

static gboolean is_trusted(uid_t user)
{
	return user == 0 || user == geteuid();
}

static gboolean is_private(const struct stat *facts)
{
	return is_trusted(facts->st_uid) && !(facts->st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Whether no other user can replace ENTRY in DIRECTORY. In /tmp no user can replace an entry of
 * root.
 */
static gboolean is_fixed(const struct stat *directory, const struct stat *entry)
{
	return is_private(directory) ||
	       ((directory->st_mode & S_ISVTX) && is_trusted(directory->st_uid) &&
		is_trusted(entry->st_uid));
}

static int fail(const Walk *walk, const char *what, GError **error)
{
	vk_fail_errno(error, errno, "cannot %s '%s'", what, walk->path);
	return -1;
}

/* The new place of the link LINK in DIRECTORY. */
static int follow(Walk *walk, int directory, int link, GError **error)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (length < 0)
		return fail(walk, "read the link on the way to", error);
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return fail(walk, "open", error);
	}
	target[length] = '\0';
	return walk_from(walk, directory, target, error);
}

/* The whole path of ENTRY. New string. */
static char *name_of(int entry)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", entry);
	char *name = g_file_read_link(link, NULL);

	return name ? name : g_strdup("?");
}

static gboolean check_link(int link, const struct stat *directory, const struct stat *facts,
			   GError **error)
{
	g_autofree char *name = NULL;

	if (is_fixed(directory, facts))
		return TRUE;
	name = name_of(link);
	return vk_fail(
		error, VK_ERROR_FAILED,
		"'%s' is a symbolic link in a directory that others may write to; it could "
		"lead anywhere, and is not followed: name the path that it leads to instead, "
		"or let nobody but root write to its directory",
		name);
}

/* Of a directory with the sticky bit only root can replace what is root's. */
static gboolean check_entry(int entry, const struct stat *facts, GError **error)
{
	gboolean is_sticky = S_ISDIR(facts->st_mode) && (facts->st_mode & S_ISVTX);
	g_autofree char *name = NULL;

	if (is_private(facts) || (is_sticky && is_trusted(facts->st_uid)))
		return TRUE;
	name = name_of(entry);
	return vk_fail(
		error, VK_ERROR_FAILED,
		"users other than root can write to '%s'; run 'chown root' and 'chmod go-w' on it",
		name);
}

/* From DIRECTORY to its entry NAME. */
static int step(Walk *walk, int directory, const char *name, GError **error)
{
	VK_AUTOFD fd = vk_io.openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	struct stat here, there;
	int next;

	if (fd < 0 || fstat(directory, &here) < 0 || fstat(fd, &there) < 0)
		return fail(walk, "open", error);
	if (S_ISLNK(there.st_mode))
		return check_link(fd, &here, &there, error) ? follow(walk, directory, fd, error)
							    : -1;
	if (walk->check && !check_entry(fd, &there, error))
		return -1;
	next = fd;
	fd = -1;
	return next;
}

/* An O_PATH descriptor of what PATH, relative to START, leads to. */
static int walk_from(Walk *walk, int start, const char *path, GError **error)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	VK_AUTOFD at = vk_io.openat(start, *path == '/' ? "/" : ".", O_PATH | O_CLOEXEC, 0);
	int found;

	if (at < 0)
		return fail(walk, "open", error);
	for (char **name = names; *name; name++) {
		int next;

		if (!**name)
			continue;
		next = step(walk, at, *name, error);
		if (next < 0)
			return -1;
		vk_io_clear_fd(&at);
		at = next;
	}
	found = at;
	at = -1;
	return found;
}

static int walk_path(Walk *walk, GError **error)
{
	g_autofree char *here = g_get_current_dir();
	g_autofree char *absolute = g_path_is_absolute(walk->path)
					    ? g_strdup(walk->path)
					    : g_build_filename(here, walk->path, NULL);

	return walk_from(walk, AT_FDCWD, absolute, error);
}

int vk_safe_open(const char *path, int flags, GError **error)
{
	Walk walk = {.path = path};
	VK_AUTOFD place = walk_path(&walk, error);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", place);
	int fd;

	if (place < 0)
		return -1;
	do
		fd = vk_io.openat(AT_FDCWD, link, flags | O_CLOEXEC, 0);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? fail(&walk, "open", error) : fd;
}

gboolean vk_safe_check(const char *path, GError **error)
{
	Walk walk = {.path = path, .check = TRUE};
	VK_AUTOFD place = walk_path(&walk, error);

	return place >= 0;
}

/* Whether NAME is ENTRY's: of a removed one the kernel makes up another. */
static gboolean is_name_of(const char *name, int entry)
{
	struct stat named, found;

	return lstat(name, &named) == 0 && fstat(entry, &found) == 0 &&
	       named.st_dev == found.st_dev && named.st_ino == found.st_ino;
}

/* NULL without an error when what is there was replaced meanwhile. */
static char *resolve(const char *path, GError **error)
{
	VK_AUTOFD fd = vk_safe_open(path, O_PATH, error);
	g_autofree char *name = fd >= 0 ? name_of(fd) : NULL;

	return name && is_name_of(name, fd) ? g_steal_pointer(&name) : NULL;
}

char *vk_safe_path(const char *path, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *parent = NULL, *name = NULL, *resolved = NULL;

	for (guint i = 0; !resolved && !trouble && i < RESOLVE_TRIES; i++)
		resolved = resolve(path, &trouble);
	if (resolved)
		return g_steal_pointer(&resolved);
	if (!trouble) {
		vk_fail(error, VK_ERROR_CHANGED,
			"'%s' is replaced again and again: see who does that, and try again", path);
		return NULL;
	}
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return NULL;
	}
	/* What is not there yet has no links. */
	name = g_path_get_basename(path);
	parent = g_path_get_dirname(path);
	resolved = strcmp(parent, path) == 0 ? g_strdup(parent) : vk_safe_path(parent, error);
	return resolved ? g_build_filename(resolved, name, NULL) : NULL;
}
