/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk.h"

#include "channel.h"
#include "entry.h"
#include "seen.h"
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX      512
#define PATH_MAX_BYTES 32768
/* A directory with longer names is sorted in parts. */
#define BATCH_BYTES (8u << 20)
/* As many as the kernel follows. */
#define LINKS_MAX 40

typedef struct Walk {
	uint32_t flags;
	char path[PATH_MAX_BYTES]; /* of the entry that is looked at */
	size_t length;
	AgentSeen seen;
	VkMessage message;
} Walk;

/* Names of a directory, one after the other, and where each begins. */
typedef struct Batch {
	char *bytes;
	size_t used, room;
	char **names;
	size_t count, names_room;
} Batch;

static void note(const Walk *walk, int trouble)
{
	agent_send_note(walk->path,
			trouble == EUCLEAN ? "the file system is damaged here" : strerror(trouble));
}

/* The target of a symbolic link. Its length, or 0. */
static size_t read_target(const Walk *walk, int directory, const char *name, char *ret, size_t size)
{
	ssize_t length = readlinkat(directory, name, ret, size);

	if (length < 0)
		note(walk, errno);
	return length < 0 ? 0 : (size_t)length;
}

static void send_entry(Walk *walk, VkEntryReport entry, const char *target, size_t target_length)
{
	entry.path = (VkBytes){(const uint8_t *)walk->path, walk->length};
	entry.target = (VkBytes){(const uint8_t *)target, target_length};
	vk_message_begin(&walk->message, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&walk->message, &entry);
	agent_send(&walk->message);
}

/* Bytes that cannot be read are noted. */
static void send_data(Walk *walk, int fd, off_t size)
{
	int trouble = agent_send_data(fd, 0, size);

	if (trouble)
		note(walk, trouble);
}

static void walk_directory(Walk *walk, int fd, unsigned depth);

/* What belongs to the entry just sent: its attributes, its contents, what is below it. */
static void walk_inside(Walk *walk, int directory, const char *name, const struct stat *st,
			unsigned depth, bool deep)
{
	bool file = S_ISREG(st->st_mode) && (walk->flags & (VK_WALK_DATA | VK_WALK_ATTRIBUTES));
	int kind = S_ISDIR(st->st_mode) ? O_DIRECTORY : O_NONBLOCK;
	int fd;

	if (!file && !(S_ISDIR(st->st_mode) && (deep || walk->flags & VK_WALK_ATTRIBUTES)))
		return;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC | kind);
	if (fd < 0) {
		note(walk, errno);
		return;
	}
	if (walk->flags & VK_WALK_ATTRIBUTES)
		agent_send_attributes(fd);
	if (S_ISREG(st->st_mode) && walk->flags & VK_WALK_RANGES)
		agent_send_ranges(fd, st->st_size);
	if (S_ISREG(st->st_mode) && walk->flags & VK_WALK_DATA)
		send_data(walk, fd, st->st_size);
	if (S_ISDIR(st->st_mode) && deep)
		walk_directory(walk, fd, depth);
	else
		close(fd);
}

/* Whether what is below the directory may be walked. If not, that is noted. */
static bool may_enter(Walk *walk, const struct stat *st)
{
	AgentSeenAnswer answer = agent_seen_add(&walk->seen, st->st_dev, st->st_ino);

	if (answer == AGENT_SEEN_BEFORE)
		agent_send_note(walk->path, "this directory is below itself, or in two places");
	if (answer == AGENT_SEEN_FULL)
		agent_send_note(walk->path,
				"there are too many directories, and what is in this one is not "
				"read: name it in a command of its own");
	return answer == AGENT_SEEN_NEW;
}

/* NAME is looked at in its DIRECTORY; walk->path is its path already. */
static void walk_entry(Walk *walk, int directory, const char *name, unsigned depth, bool deep)
{
	static char target[PATH_MAX_BYTES];
	size_t target_length = 0;
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		note(walk, errno);
		return;
	}
	if (S_ISLNK(st.st_mode))
		target_length = read_target(walk, directory, name, target, sizeof(target));
	send_entry(walk, agent_entry_report(&st, directory, name), target, target_length);
	if (!S_ISDIR(st.st_mode) || !deep || may_enter(walk, &st))
		walk_inside(walk, directory, name, &st, depth, deep);
}

static bool add_name(Batch *batch, const char *name)
{
	size_t length = strlen(name) + 1;

	if (batch->used + length > batch->room || batch->count == batch->names_room)
		return false;
	batch->names[batch->count++] = memcpy(batch->bytes + batch->used, name, length);
	batch->used += length;
	return true;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Grows with the directory: most are small, and many are open at a time. */
static bool make_room(Batch *batch)
{
	size_t room = batch->room ? batch->room * 4 : 4096;
	char *bytes = malloc(room);
	char **names = malloc(room / 8 * sizeof(*names));

	if (!bytes || !names) {
		free(bytes);
		free(names);
		return false;
	}
	for (size_t i = 0; i < batch->count; i++)
		names[i] = bytes + (batch->names[i] - batch->bytes);
	if (batch->used)
		memcpy(bytes, batch->bytes, batch->used);
	free(batch->bytes);
	free(batch->names);
	batch->bytes = bytes;
	batch->names = names;
	batch->room = room;
	batch->names_room = room / 8;
	return true;
}

static void walk_batch(Walk *walk, int fd, Batch *batch, unsigned depth)
{
	size_t parent = walk->length;

	if (batch->count == 0)
		return;
	qsort(batch->names, batch->count, sizeof(*batch->names), compare_names);
	for (size_t i = 0; i < batch->count; i++) {
		size_t length = strlen(batch->names[i]);

		if (parent + 1 + length >= sizeof(walk->path)) {
			note(walk, ENAMETOOLONG);
			continue;
		}
		walk->length = parent;
		if (parent)
			walk->path[walk->length++] = '/';
		memcpy(walk->path + walk->length, batch->names[i], length + 1);
		walk->length += length;
		walk_entry(walk, fd, batch->names[i], depth + 1, walk->flags & VK_WALK_DEEP);
		walk->length = parent;
		walk->path[parent] = '\0';
	}
	batch->used = batch->count = 0;
}

static bool is_name(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Takes FD. */
static void walk_directory(Walk *walk, int fd, unsigned depth)
{
	DIR *directory = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	struct dirent *entry;
	Batch batch = {0};

	if (!directory) {
		if (depth < DEPTH_MAX)
			note(walk, errno);
		else
			agent_send_note(walk->path, "too many directories are above it");
		close(fd);
		return;
	}
	errno = 0;
	while ((entry = readdir(directory))) {
		if (is_name(entry->d_name) && !add_name(&batch, entry->d_name)) {
			if (batch.room >= BATCH_BYTES || !make_room(&batch))
				walk_batch(walk, fd, &batch, depth);
			if (!add_name(&batch, entry->d_name))
				note(walk, ENOMEM);
		}
		errno = 0;
	}
	if (errno)
		note(walk, errno);
	walk_batch(walk, fd, &batch, depth);
	closedir(directory);
	free(batch.bytes);
	free(batch.names);
}

/* Splits PATH into the directory and the last name; "." when it has none. */
static int open_parent(int root, char *path, const char **ret_name)
{
	size_t length = strlen(path);
	char *slash;

	while (length && path[length - 1] == '/')
		path[--length] = '\0';
	slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name || strcmp(*ret_name, "..") == 0 || strcmp(*ret_name, ".") == 0) {
		*ret_name = ".";
		return agent_open_beneath(root, path, O_PATH | O_DIRECTORY);
	}
	if (slash)
		*slash = '\0';
	return agent_open_beneath(root, slash ? path : "", O_PATH | O_DIRECTORY);
}

/* The longest part of PATH that is a directory. Shortens PATH to it. */
static const char *nearest(int root, char *path)
{
	for (;;) {
		int fd = agent_open_beneath(root, path, O_PATH | O_DIRECTORY);
		char *slash = strrchr(path, '/');

		if (fd >= 0)
			close(fd);
		if (fd >= 0 || !slash || slash == path)
			return fd >= 0 && *path ? path : "/";
		*slash = '\0';
	}
}

static void fail_path(int root, const char *path, int trouble)
{
	char *shorter = strdup(path);

	if (!shorter)
		agent_power_off();
	if (trouble == ENOENT || trouble == ENOTDIR)
		agent_send_failure(ENOENT,
				   "there is no '%.512s'; '%.512s' is the nearest directory", path,
				   nearest(root, shorter));
	else
		agent_send_failure(trouble, "'%.512s': %s", path, strerror(trouble));
	free(shorter);
}

/* The path to which the symbolic link NAME of PARENT leads; PATH is its own. New string. */
static char *follow(int parent, const char *name, const char *path)
{
	static char target[PATH_MAX_BYTES];
	ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);
	const char *slash = strrchr(path, '/');
	char *joined = NULL;

	if (length < 0)
		return NULL;
	target[length] = '\0';
	if (target[0] == '/' || !slash)
		return strdup(target);
	return asprintf(&joined, "%.*s/%s", (int)(slash - path), path, target) < 0 ? NULL : joined;
}

/*
 * Walks what is at PATH. Returns NULL after sending the answer, or the path to which a symbolic
 * link there leads.
 */
static char *walk_path(Walk *walk, int root, const char *path)
{
	char *split = strdup(path), *next = NULL;
	const char *name;
	struct stat st;
	int parent;

	if (!split)
		agent_power_off();
	parent = open_parent(root, split, &name);
	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		fail_path(root, path, errno);
	} else if (S_ISLNK(st.st_mode) && walk->flags & VK_WALK_FOLLOW) {
		next = follow(parent, name, path);
		if (!next)
			fail_path(root, path, errno);
	} else {
		walk_entry(walk, parent, name, 0, true);
		agent_send_done();
	}
	if (parent >= 0)
		close(parent);
	free(split);
	return next;
}

void agent_walk(int root, const char *path, uint32_t flags)
{
	static Walk walk;
	char *next;

	walk.flags = flags;
	walk.length = 0;
	walk.path[0] = '\0';
	next = walk_path(&walk, root, path);
	for (unsigned links = 0; next; links++) {
		char *here = next;

		next = NULL;
		if (links < LINKS_MAX)
			next = walk_path(&walk, root, here);
		else
			fail_path(root, path, ELOOP);
		free(here);
	}
	agent_seen_clear(&walk.seen);
}
