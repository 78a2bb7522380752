/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-writer.h"

#include "copy-budget.h"
#include "copy-looks.h"
#include "copy-names.h"
#include "copy-place.h"
#include "errors.h"
#include "io.h"
#include "log.h"
#include "table.h"
#include "walk-trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A directory below more others than that is not copied: each is open until all is in it. */
#define DEPTH_MAX 600

/* Files of which a name has not come, that are remembered: of 250 bytes each. */
#define NAMES_MAX 500000

/* A directory that may get more entries. */
typedef struct Open {
	int fd;
	GHashTable *made; /* in it by this copy: keys of made_key() */
	VkLooks *looks; /* that it gets at the end; NULL: it was there before, and keeps its own */
} Open;

struct VkCopyWriter {
	int root;
	char *title; /* of the root, for messages */
	char *name;  /* in front of the paths of the walk; "": none */
	VkCopyOptions options;
	VkCopyCount count;
	VkCopyBudget budget;
	VkTrail *trail;   /* Open */
	GHashTable *made; /* as in Open: in the root */
	VkCopyNames *names;
	gboolean has_parted; /* names of one file became files of their own */
	gboolean keeps_none; /* that no such attributes are kept here was said */
	/* The entry that is written; FD is -1 when it gets no content. */
	char *path;
	VkPlace place;
	int fd;
	char *temporary;
	gboolean is_file;
	gboolean is_new; /* a directory that was not there */
	guint64 size;
	VkFileId id;
	VkLooks *looks;
};

static void open_free(gpointer data)
{
	Open *directory = data;

	vk_io_clear_fd(&directory->fd);
	g_hash_table_unref(directory->made);
	vk_looks_free(directory->looks);
	g_free(directory);
}

/* Forgets the entry that is written, and removes what has no name of its own yet. */
static void drop_entry(VkCopyWriter *writer)
{
	if (writer->temporary)
		vk_io.unlinkat(writer->place.directory, writer->temporary, 0);
	vk_io_clear_fd(&writer->fd);
	g_clear_pointer(&writer->temporary, g_free);
	g_clear_pointer(&writer->path, g_free);
	g_clear_pointer(&writer->looks, vk_looks_free);
}

void vk_copy_writer_free(VkCopyWriter *writer)
{
	if (!writer)
		return;
	drop_entry(writer);
	vk_io_clear_fd(&writer->root);
	vk_trail_free(writer->trail);
	g_hash_table_unref(writer->made);
	vk_copy_names_free(writer->names);
	g_free(writer->name);
	g_free(writer->title);
	g_free(writer);
}

guint64 vk_copy_writer_entries_free(const VkCopyWriter *writer)
{
	struct statvfs fs;

	/* btrfs and the like make their inodes as they need them. */
	if (fstatvfs(writer->root, &fs) < 0 || fs.f_files == 0)
		return G_MAXUINT64;
	return geteuid() == 0 ? fs.f_ffree : fs.f_favail;
}

gboolean vk_copy_writer_begin(VkCopyWriter *writer, const char *name, const VkCopySum *sum,
			      GError **error)
{
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is no name for a copy", name);
	g_free(writer->name);
	writer->name = g_strdup(name);
	/* The numbers of another appliance's devices mean other files. */
	vk_copy_names_clear(writer->names);
	return vk_copy_budget_set(&writer->budget, writer->root, writer->title, sum, error);
}

static gboolean fail_full(const VkCopyWriter *writer, const char *path, int trouble, GError **error)
{
	g_autofree char *missing = vk_size_text(writer->budget.awaited);

	return vk_fail(error, VK_ERROR_FAILED,
		       "cannot write '%s/%s': %s; %s are still to be copied: make room, and copy "
		       "again",
		       writer->title, path, g_strerror(trouble), missing);
}

/* The appliance gives more than it has announced, and would fill the file system up. */
static gboolean fail_budget(const VkCopyWriter *writer, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED,
		       "the file systems of the snapshot give more than they have announced, and "
		       "'%s' has no room for that: the copy ends",
		       writer->title);
}

/* One entry is not copied, unless the trouble is everybody's. FALSE ends the copy. */
static gboolean give_up(VkCopyWriter *writer, const char *path, int trouble, GError **error)
{
	g_autofree char *kept = g_strdup(path);

	drop_entry(writer);
	if (trouble == ENOSPC || trouble == EDQUOT)
		return fail_full(writer, kept, trouble, error);
	if (trouble == EIO || trouble == EROFS)
		return vk_fail_errno(error, trouble, "cannot write '%s/%s'", writer->title, kept);
	if (writer->count.failed++ >= VK_COPY_WARNINGS_MAX)
		return TRUE;
	if (trouble == EEXIST)
		vk_log_warning("'%s/%s' exists and stays; --overwrite replaces files",
			       writer->title, kept);
	else
		vk_log_warning("cannot write '%s/%s': %s", writer->title, kept,
			       g_strerror(trouble));
	return TRUE;
}

/* A file is worth more than its attributes: what this host refuses is left out. */
static void refuse_attribute(gpointer data, const char *path, const char *name, int trouble)
{
	VkCopyWriter *writer = data;
	gboolean is_known = trouble == EOPNOTSUPP && writer->keeps_none;

	writer->keeps_none |= trouble == EOPNOTSUPP;
	/* A file system that has no such attributes refuses those of every file. */
	if (writer->count.refused++ < VK_COPY_WARNINGS_MAX && !is_known)
		vk_log_warning("cannot set the attribute '%s' of '%s/%s': %s", name, writer->title,
			       path, g_strerror(trouble));
}

/* One for each file and directory of this host. NULL: nothing is at the place. */
static gpointer made_key(const VkCopyWriter *writer)
{
	const VkPlace *place = &writer->place;
	struct stat st;

	if (fstatat(place->directory, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	return GSIZE_TO_POINTER(st.st_ino ^ st.st_dev << 48);
}

/* What was made in the directory of the place. */
static GHashTable *made_beside(const VkCopyWriter *writer)
{
	const Open *directory = vk_trail_innermost(writer->trail);

	return directory ? directory->made : writer->made;
}

static void note_made(VkCopyWriter *writer)
{
	gpointer key = made_key(writer);

	if (key)
		g_hash_table_add(made_beside(writer), key);
}

/* Where upper and lower case are one, two names of the guest can be one here. */
static gboolean is_made(const VkCopyWriter *writer)
{
	gpointer key = made_key(writer);

	return key && g_hash_table_contains(made_beside(writer), key);
}

static void give_up_twin(VkCopyWriter *writer)
{
	if (writer->count.failed++ < VK_COPY_WARNINGS_MAX)
		vk_log_warning("'%s/%s' is not copied: its name is that of what was just copied "
			       "there",
			       writer->title, writer->path);
	drop_entry(writer);
}

/* Remembers the file for its next name. */
static void note_written(VkCopyWriter *writer)
{
	VkWrittenFile file = {.path = writer->path};
	struct stat st;

	if (writer->id.links <= 1 || fstat(writer->fd, &st) < 0)
		return;
	file.device = st.st_dev;
	file.inode = st.st_ino;
	if (vk_copy_names_add(writer->names, &writer->id, &file) || writer->has_parted)
		return;
	writer->has_parted = TRUE;
	vk_log_warning("more than %u files have several names: further names of one file become "
		       "files of their own",
		       NAMES_MAX);
}

/* Gives the file that was written its looks and its name. */
static gboolean finish_file(VkCopyWriter *writer, GError **error)
{
	g_autofree char *temporary = NULL;

	if (vk_io.ftruncate(writer->fd, (off_t)writer->size) < 0 ||
	    !vk_looks_set(writer->looks, writer->fd, writer->path, refuse_attribute, writer))
		return give_up(writer, writer->path, errno, error);
	temporary = g_steal_pointer(&writer->temporary);
	if (!vk_place_put_file(&writer->place, writer->fd, temporary, writer->options.overwrite))
		return give_up(writer, writer->path, errno, error);
	note_written(writer);
	note_made(writer);
	writer->count.files++;
	drop_entry(writer);
	return TRUE;
}

/* A directory stays open for what is in it. */
static void finish_directory(VkCopyWriter *writer)
{
	Open *directory = g_new(Open, 1);

	*directory = (Open){.fd = writer->fd,
			    .made = g_hash_table_new(NULL, NULL),
			    .looks = writer->is_new ? g_steal_pointer(&writer->looks) : NULL};
	writer->fd = -1;
	writer->count.directories += writer->is_new;
	vk_trail_enter(writer->trail, writer->path, directory);
	drop_entry(writer);
}

static gboolean finish_entry(VkCopyWriter *writer, GError **error)
{
	if (writer->fd < 0)
		return TRUE;
	if (writer->is_file)
		return finish_file(writer, error);
	finish_directory(writer);
	return TRUE;
}

static gboolean leave_directory(gpointer data, const char *path, gpointer directory, GError **error)
{
	VkCopyWriter *writer = data;
	const Open *open = directory;

	return !open->looks ||
	       vk_looks_set(open->looks, open->fd, path, refuse_attribute, writer) ||
	       give_up(writer, path, errno, error);
}

VkCopyWriter *vk_copy_writer_new(const char *directory, const VkCopyOptions *options,
				 GError **error)
{
	VkCopyWriter *writer = g_new0(VkCopyWriter, 1);

	writer->options = *options;
	writer->title = g_strdup(directory);
	writer->name = g_strdup("");
	writer->made = g_hash_table_new(NULL, NULL);
	writer->trail = vk_trail_new(leave_directory, writer, open_free);
	writer->names = vk_copy_names_new(NAMES_MAX);
	writer->fd = -1;
	writer->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (writer->root >= 0)
		return writer;
	vk_fail_errno(error, errno, "cannot open the directory '%s'", directory);
	vk_copy_writer_free(writer);
	return NULL;
}

/* The place of the entry, in the directory that is open for it. */
static void find_place(VkCopyWriter *writer)
{
	const Open *directory = vk_trail_innermost(writer->trail);
	const char *slash = strrchr(writer->path, '/');

	writer->place = (VkPlace){.directory = directory ? directory->fd : writer->root,
				  .name = slash ? slash + 1 : writer->path};
}

/* A second name for a file that was written. FALSE when there was none, or it cannot be. */
static gboolean link_again(VkCopyWriter *writer)
{
	const VkWrittenFile *first = vk_copy_names_find(writer->names, &writer->id);
	VK_AUTOFD fd = first ? vk_place_find(writer->root, first->path) : -1;
	struct stat st;
	/* Another user may have put something else there. */
	gboolean ok = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == first->device &&
		      st.st_ino == first->inode &&
		      vk_place_put_hard_link(&writer->place, fd, writer->options.overwrite);

	vk_copy_names_pass(writer->names, &writer->id);
	return ok;
}

static gboolean begin_file(VkCopyWriter *writer, const VkEntry *entry, GError **error)
{
	writer->id =
		(VkFileId){.device = entry->device, .inode = entry->inode, .links = entry->links};
	if (entry->links > 1 && link_again(writer)) {
		note_made(writer);
		writer->count.files++;
		drop_entry(writer);
		return TRUE;
	}
	writer->is_file = TRUE;
	writer->size = entry->size;
	writer->fd = vk_place_new_file(&writer->place, &writer->temporary);
	return writer->fd >= 0 || give_up(writer, writer->path, errno, error);
}

/* One that is there already is used as it is. */
static gboolean begin_directory(VkCopyWriter *writer, GError **error)
{
	if (vk_trail_depth(writer->trail) >= DEPTH_MAX)
		return give_up(writer, writer->path, ELOOP, error);
	writer->is_file = FALSE;
	writer->fd = vk_place_make_directory(&writer->place, &writer->is_new);
	if (writer->fd >= 0)
		note_made(writer);
	return writer->fd >= 0 ||
	       give_up(writer, writer->path, errno == ELOOP ? ENOTDIR : errno, error);
}

static gboolean write_link(VkCopyWriter *writer, const VkEntry *entry, GError **error)
{
	const VkPlace *place = &writer->place;

	if (!vk_place_put_link(place, entry->target, writer->options.overwrite) ||
	    !vk_looks_set_link(writer->looks, place->directory, place->name))
		return give_up(writer, writer->path, errno, error);
	note_made(writer);
	writer->count.links++;
	drop_entry(writer);
	return TRUE;
}

/* The path below the root of what the walk calls PATH. New string. */
static char *path_of(const VkCopyWriter *writer, const char *path)
{
	const char *slash = *writer->name && *path ? "/" : "";

	return g_strconcat(writer->name, slash, path, NULL);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	VkCopyWriter *writer = data;
	g_autofree char *path = path_of(writer, entry->path);

	if (!finish_entry(writer, error))
		return FALSE;
	drop_entry(writer);
	if (!vk_trail_move(writer->trail, path, error))
		return FALSE;
	writer->path = g_steal_pointer(&path);
	writer->looks = vk_looks_new(entry, writer->options.archive);
	if (!vk_copy_budget_take(&writer->budget, 0, 1))
		return fail_budget(writer, error);
	/* The directory to copy into, which the user has made. */
	if (!*writer->path)
		return TRUE;
	if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode)) {
		writer->count.skipped++;
		return TRUE;
	}
	if (!vk_trail_leads_to(writer->trail, writer->path))
		return give_up(writer, writer->path, ENOTDIR, error);
	find_place(writer);
	if (is_made(writer)) {
		give_up_twin(writer);
		return TRUE;
	}
	if (S_ISREG(entry->mode))
		return begin_file(writer, entry, error);
	return S_ISDIR(entry->mode) ? begin_directory(writer, error)
				    : write_link(writer, entry, error);
}

/* 0, or an errno. */
static int write_bytes(int fd, guint64 offset, const guint8 *bytes, gsize length)
{
	while (length > 0) {
		ssize_t done = vk_io.pwrite(fd, bytes, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : EIO;
		offset += (guint64)done;
		bytes += done;
		length -= (gsize)done;
	}
	return 0;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	VkCopyWriter *writer = data;

	int trouble;

	if (writer->fd < 0 || vk_io_is_zero(bytes, length))
		return TRUE;
	if (!vk_copy_budget_take(&writer->budget, length, 0))
		return fail_budget(writer, error);
	trouble = write_bytes(writer->fd, offset, bytes, length);
	if (trouble)
		return give_up(writer, writer->path, trouble, error);
	writer->count.bytes += length;
	return TRUE;
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	VkCopyWriter *writer = data;

	if (writer->fd >= 0 && !vk_looks_add(writer->looks, name, value, length))
		refuse_attribute(writer, writer->path, name, E2BIG);
	return TRUE;
}

/* A file with a gap must not appear. The one before an entry that cannot be read is whole. */
static void take_unread(gpointer data, const char *path)
{
	VkCopyWriter *writer = data;
	g_autofree char *unread = path_of(writer, path);

	if (writer->fd >= 0 && writer->is_file && strcmp(unread, writer->path) == 0)
		drop_entry(writer);
}

VkWalkCalls vk_copy_writer_calls(VkCopyWriter *writer)
{
	return (VkWalkCalls){.entry = take_entry,
			     .bytes = take_bytes,
			     .attribute = take_attribute,
			     .unread = take_unread,
			     .data = writer};
}

gboolean vk_copy_writer_end(VkCopyWriter *writer, GError **error)
{
	if (!finish_entry(writer, error))
		return FALSE;
	drop_entry(writer);
	return vk_trail_move(writer->trail, NULL, error);
}

const VkCopyCount *vk_copy_writer_count(const VkCopyWriter *writer)
{
	return &writer->count;
}
