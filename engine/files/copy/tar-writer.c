/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tar-writer.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "path-check.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Bytes of the names and values of an entry's attributes. */
#define ATTRIBUTES_BYTES_MAX ((gsize)1 << 20)

/* Bytes of a file, with its holes. No file is that large, and zeros without end take hours. */
#define FILE_BYTES_MAX ((guint64)16 << 40)

/* What is remembered of files with several names. Each name of further ones has the bytes. */
#define WRITTEN_MAX       1000000
#define WRITTEN_BYTES_MAX ((gsize)256 << 20)

/* Further ones are only counted. */
#define WARNINGS_MAX 100

struct VkTarWriter {
	struct archive *archive;
	VkTarOutput output;
	GError *trouble; /* of the output */
	char *name;      /* in front of the paths of the walk; "": none */
	VkPathCheck *paths;
	GHashTable *written; /* "DEVICE:INODE" of files with several names -> their first path */
	gsize written_bytes; /* of these paths */
	VkTarCount count;
	/* The entry that is written; NULL: none. */
	struct archive_entry *entry;
	char *path;         /* of the walk */
	char *identity;     /* NULL: it has one name */
	gboolean has_head;  /* it is in the archive */
	gboolean has_bytes; /* it is a regular file, and no link to another */
	guint64 size, done; /* bytes */
	gsize attribute_bytes;
};

static la_ssize_t write_block(struct archive *archive, void *data, const void *bytes, size_t length)
{
	VkTarWriter *writer = data;

	if (writer->trouble || !writer->output(bytes, length, &writer->trouble)) {
		archive_set_error(archive, EIO, "no output");
		return -1;
	}
	return (la_ssize_t)length;
}

static gboolean fail_archive(VkTarWriter *writer, GError **error)
{
	if (writer->trouble) {
		g_propagate_error(error, g_steal_pointer(&writer->trouble));
		return FALSE;
	}
	return vk_fail(error, VK_ERROR_FAILED, "cannot write the archive: %s",
		       archive_error_string(writer->archive));
}

VkTarWriter *vk_tar_writer_new(VkTarOutput output, GError **error)
{
	g_autoptr(VkTarWriter) writer = g_new0(VkTarWriter, 1);

	writer->output = output;
	writer->name = g_strdup("");
	writer->paths = vk_path_check_new();
	writer->written = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	writer->archive = archive_write_new();
	if (!writer->archive || archive_write_set_format_pax(writer->archive) != ARCHIVE_OK ||
	    archive_write_set_options(writer->archive, "xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_open(writer->archive, writer, NULL, write_block, NULL) != ARCHIVE_OK) {
		fail_archive(writer, error);
		return NULL;
	}
	return g_steal_pointer(&writer);
}

static void drop_entry(VkTarWriter *writer)
{
	g_clear_pointer(&writer->entry, archive_entry_free);
	g_clear_pointer(&writer->path, g_free);
	g_clear_pointer(&writer->identity, g_free);
	writer->has_head = writer->has_bytes = FALSE;
	writer->size = writer->done = writer->attribute_bytes = 0;
}

void vk_tar_writer_free(VkTarWriter *writer)
{
	if (!writer)
		return;
	drop_entry(writer);
	if (writer->archive) {
		archive_write_fail(writer->archive);
		archive_write_free(writer->archive);
	}
	vk_path_check_free(writer->paths);
	g_hash_table_unref(writer->written);
	g_clear_error(&writer->trouble);
	g_free(writer->name);
	g_free(writer);
}

void vk_tar_writer_begin(VkTarWriter *writer, const char *name)
{
	g_free(writer->name);
	writer->name = g_strdup(name);
	vk_path_check_begin(writer->paths);
}

/* "etc/fstab"; "./" for the top of all. New string. */
static char *full_path(const VkTarWriter *writer, const char *path)
{
	if (!*writer->name)
		return g_strdup(*path ? path : "./");
	return *path ? g_build_filename(writer->name, path, NULL) : g_strdup(writer->name);
}

static void note_failed(VkTarWriter *writer, const char *reason)
{
	if (writer->count.failed++ < WARNINGS_MAX)
		vk_log_warning("'%s': %s", writer->path, reason);
}

/* The entry is the first name of a file that has several. */
static void remember_name(VkTarWriter *writer)
{
	const char *path = archive_entry_pathname(writer->entry);
	gsize length = strlen(path);

	if (g_hash_table_size(writer->written) >= WRITTEN_MAX ||
	    length > WRITTEN_BYTES_MAX - writer->written_bytes)
		return;
	writer->written_bytes += length;
	g_hash_table_insert(writer->written, g_steal_pointer(&writer->identity), g_strdup(path));
}

/* The entry goes into the archive, if it is not there yet. It is dropped if it cannot. */
static gboolean put_head(VkTarWriter *writer, GError **error)
{
	int result;

	if (writer->has_head)
		return TRUE;
	result = archive_write_header(writer->archive, writer->entry);
	if (result == ARCHIVE_FATAL)
		return fail_archive(writer, error);
	/* ARCHIVE_WARN is for a name that is no text here. The archive has its bytes then. */
	if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
		note_failed(writer, archive_error_string(writer->archive));
		drop_entry(writer);
		return TRUE;
	}
	writer->has_head = TRUE;
	if (writer->identity)
		remember_name(writer);
	return TRUE;
}

static gboolean put_bytes(VkTarWriter *writer, const void *bytes, gsize length, GError **error)
{
	la_ssize_t done = archive_write_data(writer->archive, bytes, length);

	writer->done += length;
	return (done >= 0 && (gsize)done == length) || fail_archive(writer, error);
}

/* With zeros, which the archive does not take where the entry has holes. */
static gboolean fill_up(VkTarWriter *writer, guint64 offset, GError **error)
{
	static const guint8 zeros[1 << 20];

	while (writer->done < offset) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!put_bytes(writer, zeros, MIN(sizeof(zeros), offset - writer->done), error))
			return FALSE;
	}
	return TRUE;
}

static gboolean end_entry(VkTarWriter *writer, GError **error)
{
	if (writer->entry && !put_head(writer, error))
		return FALSE;
	if (writer->entry) {
		if (!fill_up(writer, writer->size, error))
			return FALSE;
		if (archive_write_finish_entry(writer->archive) != ARCHIVE_OK)
			return fail_archive(writer, error);
	}
	drop_entry(writer);
	return TRUE;
}

/* The first name has the bytes, the others are links to it. */
static void link_names(VkTarWriter *writer, const VkEntry *entry)
{
	g_autofree char *identity = NULL;
	const char *first;

	if (entry->links < 2 || S_ISDIR(entry->mode))
		return;
	identity = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, entry->device,
				   entry->inode);
	first = g_hash_table_lookup(writer->written, identity);
	if (!first) {
		writer->identity = g_steal_pointer(&identity);
		return;
	}
	archive_entry_set_hardlink(writer->entry, first);
	archive_entry_unset_size(writer->entry);
	writer->has_bytes = FALSE;
	writer->size = 0;
}

/* The head of the entry, as far as the walk has it. */
static void make_head(VkTarWriter *writer, const VkEntry *entry)
{
	g_autofree char *path = full_path(writer, entry->path);

	writer->has_bytes = S_ISREG(entry->mode);
	writer->size = writer->has_bytes ? entry->size : 0;
	writer->entry = archive_entry_new();
	archive_entry_copy_pathname(writer->entry, path);
	archive_entry_set_mode(writer->entry, entry->mode);
	archive_entry_set_uid(writer->entry, entry->uid);
	archive_entry_set_gid(writer->entry, entry->gid);
	archive_entry_set_mtime(writer->entry, entry->mtime_sec, (long)entry->mtime_nsec);
	archive_entry_set_size(writer->entry, (la_int64_t)writer->size);
	archive_entry_set_rdev(writer->entry, makedev(entry->rdev_major, entry->rdev_minor));
	if (entry->target)
		archive_entry_copy_symlink(writer->entry, entry->target);
	link_names(writer, entry);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	VkTarWriter *writer = data;
	const char *fault = vk_path_check_fault(writer->paths, entry);

	if (!end_entry(writer, error))
		return FALSE;
	writer->path = g_strdup(entry->path);
	if (fault)
		note_failed(writer, fault);
	else if (S_ISREG(entry->mode) && entry->size > FILE_BYTES_MAX)
		note_failed(writer, "it is larger than 16 TiB, and is not in the archive");
	else if (S_ISSOCK(entry->mode))
		writer->count.skipped++;
	else
		make_head(writer, entry);
	return TRUE;
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	VkTarWriter *writer = data;

	if (!writer->entry || writer->has_head)
		return TRUE;
	writer->attribute_bytes += strlen(name) + length;
	if (writer->attribute_bytes > ATTRIBUTES_BYTES_MAX)
		note_failed(writer, "it has too many extended attributes");
	else
		archive_entry_xattr_add_entry(writer->entry, name, value, length);
	return TRUE;
}

static gboolean take_range(gpointer data, guint64 offset, guint64 length, GError **error)
{
	VkTarWriter *writer = data;

	if (writer->has_bytes && !writer->has_head)
		archive_entry_sparse_add_entry(writer->entry, (la_int64_t)offset,
					       (la_int64_t)length);
	return TRUE;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	VkTarWriter *writer = data;

	if (writer->has_bytes && !put_head(writer, error))
		return FALSE;
	/* The entry may have been dropped. */
	return !writer->has_bytes ||
	       (fill_up(writer, offset, error) && put_bytes(writer, bytes, length, error));
}

static void take_unread(gpointer data, const char *path)
{
	VkTarWriter *writer = data;

	if (!writer->has_bytes || strcmp(path, writer->path) != 0)
		return;
	if (writer->has_head)
		note_failed(writer, "the archive has zeros where it could not be read");
	else
		drop_entry(writer);
}

VkWalkCalls vk_tar_writer_calls(VkTarWriter *writer)
{
	return (VkWalkCalls){.entry = take_entry,
			     .range = take_range,
			     .bytes = take_bytes,
			     .attribute = take_attribute,
			     .unread = take_unread,
			     .data = writer};
}

gboolean vk_tar_writer_end(VkTarWriter *writer, GError **error)
{
	return end_entry(writer, error);
}

gboolean vk_tar_writer_finish(VkTarWriter *writer, GError **error)
{
	return archive_write_close(writer->archive) == ARCHIVE_OK || fail_archive(writer, error);
}

const VkTarCount *vk_tar_writer_count(const VkTarWriter *writer)
{
	return &writer->count;
}
