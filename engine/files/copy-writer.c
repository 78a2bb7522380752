/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-writer.h"

#include "copy-place.h"
#include "errors.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of one entry: in number, and in bytes of names and values. */
#define ATTRIBUTES_MAX       1024
#define ATTRIBUTES_BYTES_MAX ((gsize)1 << 20)

#define MODE_PLAIN 0755

/* Further ones are only counted. */
#define WARNINGS_MAX 100

typedef struct Attribute {
	char *name;
	GBytes *value;
} Attribute;

/* What an entry gets when all of its content is there. */
typedef struct Looks {
	guint32 mode, uid, gid;
	struct timespec time;
} Looks;

/* A directory that was made here. */
typedef struct Made {
	char *path;
	Looks looks;
} Made;

struct VkCopyWriter {
	int root;
	char *title; /* of the root, for messages */
	char *name;  /* in front of the paths of the walk; "": none */
	VkCopyOptions options;
	VkCopyCount count;
	GArray *made;        /* Made: looks are set at the end, the deepest first */
	GHashTable *written; /* "DEVICE:INODE" of files with several names -> their first path */
	/* The entry that is written; FD is -1 when it gets no content. */
	char *path;
	VkPlace place;
	int fd;
	char *temporary;
	gboolean is_file;
	guint64 size;
	char *identity; /* NULL: it has one name */
	Looks looks;
	GArray *attributes;    /* Attribute */
	gsize attribute_bytes; /* of all of them */
};

static void attribute_clear(gpointer data)
{
	Attribute *attribute = data;

	g_free(attribute->name);
	g_bytes_unref(attribute->value);
}

static void made_clear(gpointer data)
{
	g_free(((Made *)data)->path);
}

VkCopyWriter *vk_copy_writer_new(const char *directory, const VkCopyOptions *options,
				 GError **error)
{
	VkCopyWriter *writer = g_new0(VkCopyWriter, 1);

	writer->options = *options;
	writer->title = g_strdup(directory);
	writer->name = g_strdup("");
	writer->made = g_array_new(FALSE, FALSE, sizeof(Made));
	g_array_set_clear_func(writer->made, made_clear);
	writer->attributes = g_array_new(FALSE, FALSE, sizeof(Attribute));
	g_array_set_clear_func(writer->attributes, attribute_clear);
	writer->written = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	writer->place.directory = writer->fd = -1;
	writer->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (writer->root >= 0)
		return writer;
	vk_fail_errno(error, errno, "cannot open the directory '%s'", directory);
	vk_copy_writer_free(writer);
	return NULL;
}

/* Forgets the entry that is written, and removes what has no name of its own yet. */
static void drop_entry(VkCopyWriter *writer)
{
	if (writer->temporary)
		vk_io.unlinkat(writer->place.directory, writer->temporary, 0);
	vk_io_clear_fd(&writer->fd);
	vk_place_clear(&writer->place);
	g_clear_pointer(&writer->temporary, g_free);
	g_clear_pointer(&writer->path, g_free);
	g_clear_pointer(&writer->identity, g_free);
	g_array_set_size(writer->attributes, 0);
	writer->attribute_bytes = 0;
}

void vk_copy_writer_free(VkCopyWriter *writer)
{
	if (!writer)
		return;
	drop_entry(writer);
	vk_io_clear_fd(&writer->root);
	g_array_unref(writer->made);
	g_array_unref(writer->attributes);
	g_hash_table_unref(writer->written);
	g_free(writer->name);
	g_free(writer->title);
	g_free(writer);
}

gboolean vk_copy_writer_begin(VkCopyWriter *writer, const char *name, GError **error)
{
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is no name for a copy", name);
	g_free(writer->name);
	writer->name = g_strdup(name);
	/* The numbers of another appliance's devices mean other files. */
	g_hash_table_remove_all(writer->written);
	return TRUE;
}

/* One entry is not copied, unless the trouble is everybody's. FALSE ends the copy. */
static gboolean give_up(VkCopyWriter *writer, const char *path, int trouble, GError **error)
{
	g_autofree char *kept = g_strdup(path);

	drop_entry(writer);
	if (trouble == ENOSPC || trouble == EDQUOT || trouble == EIO || trouble == EROFS)
		return vk_fail_errno(error, trouble, "cannot write '%s/%s'", writer->title, kept);
	if (writer->count.failed++ >= WARNINGS_MAX)
		return TRUE;
	if (trouble == EEXIST)
		vk_log_warning("'%s/%s' exists and stays; --overwrite replaces files",
			       writer->title, kept);
	else
		vk_log_warning("cannot write '%s/%s': %s", writer->title, kept,
			       g_strerror(trouble));
	return TRUE;
}

static Looks looks_of(const VkCopyWriter *writer, const VkEntry *entry)
{
	return (Looks){
		.mode = entry->mode & (writer->options.archive ? 07777 : MODE_PLAIN),
		.uid = entry->uid,
		.gid = entry->gid,
		.time = {.tv_sec = entry->mtime_sec, .tv_nsec = entry->mtime_nsec},
	};
}

/* A file is worth more than its attributes: what this host refuses is left out. */
static void refuse_attribute(VkCopyWriter *writer, const char *name, int trouble)
{
	if (writer->count.refused++ < WARNINGS_MAX)
		vk_log_warning("cannot set the attribute '%s' of '%s/%s': %s", name, writer->title,
			       writer->path, g_strerror(trouble));
}

static void set_attributes(VkCopyWriter *writer, int fd)
{
	for (guint i = 0; i < writer->attributes->len; i++) {
		const Attribute *attribute = &g_array_index(writer->attributes, Attribute, i);
		gsize length;
		const void *value = g_bytes_get_data(attribute->value, &length);

		if (fsetxattr(fd, attribute->name, value, length, 0) < 0 && errno != EOPNOTSUPP)
			refuse_attribute(writer, attribute->name, errno);
	}
}

/* The owner first: its change takes set-id bits and capabilities away. The time last. */
static gboolean set_looks(VkCopyWriter *writer, int fd, const Looks *looks)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, looks->time};

	if (writer->options.archive && fchown(fd, looks->uid, looks->gid) < 0)
		return FALSE;
	set_attributes(writer, fd);
	/* Behind the attributes: an access list changes the mode, and a mode of 0400 refuses them.
	 */
	return fchmod(fd, looks->mode) == 0 && futimens(fd, times) == 0;
}

/* Gives the file that was written its looks and its name. */
static gboolean finish_file(VkCopyWriter *writer, GError **error)
{
	g_autofree char *temporary = NULL;

	if (vk_io.ftruncate(writer->fd, (off_t)writer->size) < 0 ||
	    !set_looks(writer, writer->fd, &writer->looks))
		return give_up(writer, writer->path, errno, error);
	temporary = g_steal_pointer(&writer->temporary);
	if (!vk_place_put_file(&writer->place, writer->fd, temporary, writer->options.overwrite))
		return give_up(writer, writer->path, errno, error);
	if (writer->identity)
		g_hash_table_insert(writer->written, g_steal_pointer(&writer->identity),
				    g_strdup(writer->path));
	writer->count.files++;
	drop_entry(writer);
	return TRUE;
}

/* A directory keeps its attributes now, and gets its looks when all is below it. */
static gboolean finish_directory(VkCopyWriter *writer, GError **error)
{
	const Made made = {.path = g_strdup(writer->path), .looks = writer->looks};
	Looks now = writer->looks;

	g_array_append_val(writer->made, made);
	now.mode = 0700;
	if (!set_looks(writer, writer->fd, &now))
		return give_up(writer, writer->path, errno, error);
	writer->count.directories++;
	drop_entry(writer);
	return TRUE;
}

static gboolean finish_entry(VkCopyWriter *writer, GError **error)
{
	if (writer->fd < 0)
		return TRUE;
	return writer->is_file ? finish_file(writer, error) : finish_directory(writer, error);
}

/* A second name for a file that was written. FALSE when there was none, or it cannot be. */
static gboolean link_again(VkCopyWriter *writer, const VkPlace *place, const char *identity)
{
	const char *first = g_hash_table_lookup(writer->written, identity);
	g_auto(VkPlace) other = {.directory = -1};

	return first && vk_place_find(writer->root, first, &other) &&
	       vk_place_put_hard_link(place, &other, writer->options.overwrite);
}

static gboolean begin_file(VkCopyWriter *writer, const VkEntry *entry, GError **error)
{
	if (entry->links > 1)
		writer->identity = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
						   entry->device, entry->inode);
	if (writer->identity && link_again(writer, &writer->place, writer->identity)) {
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
	gboolean is_new = vk_io.mkdirat(writer->place.directory, writer->place.name, 0700) == 0;
	int fd = is_new || errno == EEXIST ? vk_place_open_directory(writer->root, writer->path)
					   : -1;

	if (fd < 0)
		return give_up(writer, writer->path, errno == ELOOP ? ENOTDIR : errno, error);
	writer->is_file = FALSE;
	if (is_new)
		writer->fd = fd;
	else
		close(fd);
	return TRUE;
}

static gboolean write_link(VkCopyWriter *writer, const VkEntry *entry, GError **error)
{
	const VkPlace *place = &writer->place;
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, writer->looks.time};

	if (!vk_place_put_link(place, entry->target, writer->options.overwrite) ||
	    (writer->options.archive && fchownat(place->directory, place->name, entry->uid,
						 entry->gid, AT_SYMLINK_NOFOLLOW) < 0))
		return give_up(writer, writer->path, errno, error);
	utimensat(place->directory, place->name, times, AT_SYMLINK_NOFOLLOW);
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

	if (!finish_entry(writer, error))
		return FALSE;
	drop_entry(writer);
	writer->path = path_of(writer, entry->path);
	writer->looks = looks_of(writer, entry);
	/* The directory to copy into, which the user has made. */
	if (!*writer->path)
		return TRUE;
	if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode)) {
		writer->count.skipped++;
		return TRUE;
	}
	if (!vk_place_find(writer->root, writer->path, &writer->place))
		return give_up(writer, writer->path, errno == ELOOP ? ENOTDIR : errno, error);
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
	trouble = write_bytes(writer->fd, offset, bytes, length);
	if (trouble)
		return give_up(writer, writer->path, trouble, error);
	writer->count.bytes += length;
	return TRUE;
}

/* Others are of use to the guest's kernel alone. */
static gboolean is_wanted(const VkCopyWriter *writer, const char *name)
{
	static const char *const archived[] = {"system.posix_acl_access",
					       "system.posix_acl_default", "security.capability",
					       "security.selinux", NULL};

	return g_str_has_prefix(name, "user.") ||
	       (writer->options.archive && g_strv_contains(archived, name));
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	VkCopyWriter *writer = data;
	Attribute attribute;

	if (writer->fd < 0 || !is_wanted(writer, name))
		return TRUE;
	if (writer->attributes->len >= ATTRIBUTES_MAX ||
	    writer->attribute_bytes + strlen(name) + length > ATTRIBUTES_BYTES_MAX) {
		refuse_attribute(writer, name, E2BIG);
		return TRUE;
	}
	writer->attribute_bytes += strlen(name) + length;
	attribute = (Attribute){.name = g_strdup(name), .value = g_bytes_new(value, length)};
	g_array_append_val(writer->attributes, attribute);
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
	for (guint i = writer->made->len; i-- > 0;) {
		const Made *made = &g_array_index(writer->made, Made, i);
		VK_AUTOFD fd = vk_place_open_directory(writer->root, made->path);

		if ((fd < 0 || !set_looks(writer, fd, &made->looks)) &&
		    !give_up(writer, made->path, errno, error))
			return FALSE;
	}
	g_array_set_size(writer->made, 0);
	return TRUE;
}

const VkCopyCount *vk_copy_writer_count(const VkCopyWriter *writer)
{
	return &writer->count;
}
