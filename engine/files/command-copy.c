/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "copy-writer.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "progress.h"
#include "table.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef struct Copy {
	const VkFilesRun *run;
	VkCopyWriter *target;
	VkWalkCalls writer; /* the calls of it */
	VkProgress *progress;
	GError *worst; /* the first trouble that others need not suffer from; or NULL */
} Copy;

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Copy *copy = data;

	return copy->writer.entry(copy->writer.data, entry, error);
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	Copy *copy = data;

	vk_progress_add(copy->progress, length);
	return copy->writer.bytes(copy->writer.data, offset, bytes, length, error);
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	Copy *copy = data;

	return copy->writer.attribute(copy->writer.data, name, value, length, error);
}

static void take_unread(gpointer data, const char *path)
{
	Copy *copy = data;

	copy->writer.unread(copy->writer.data, path);
}

/* "etc" for "/srv/etc/", "" for "/". New string. */
static char *last_name(const char *path)
{
	gsize length = strlen(path);
	const char *slash;

	while (length > 0 && path[length - 1] == '/')
		length--;
	slash = g_strrstr_len(path, (gssize)length, "/");
	return slash && length > 0 ? g_strndup(slash + 1, length - (gsize)(slash + 1 - path))
				   : g_strdup("");
}

static gboolean copy_one(gpointer data, VkGuestFiles *files, const VkLocation *location,
			 GError **error)
{
	Copy *copy = data;
	g_autofree char *name = last_name(location->path);
	g_autoptr(VkProgress) progress = NULL;
	const VkWalkCalls calls = {.entry = take_entry,
				   .bytes = take_bytes,
				   .attribute = take_attribute,
				   .unread = take_unread,
				   .data = copy};
	const VkWalk walk = vk_files_walk_of(copy->run, location,
					     VK_WALK_DEEP | VK_WALK_DATA | VK_WALK_ATTRIBUTES);

	if (!vk_copy_writer_begin(copy->target, name, error))
		return FALSE;
	progress = copy->progress = vk_progress_new(location->path, 0);
	return vk_files_walk_on(files, &walk, &calls, &copy->worst, error) &&
	       vk_copy_writer_end(copy->target, error);
}

static void report(const VkFilesRun *run, const VkCopyCount *count, const char *directory)
{
	g_autofree char *files = vk_count_text(count->files, "file");
	g_autofree char *skipped = vk_count_text(count->skipped, "special file");
	g_autofree char *bytes = vk_size_text(count->bytes);
	g_autoptr(json_t) object = NULL;

	if (run->program.json) {
		object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "files",
				   vk_json_new_uint(count->files), "directories",
				   vk_json_new_uint(count->directories), "links",
				   vk_json_new_uint(count->links), "bytes",
				   vk_json_new_uint(count->bytes), "skipped",
				   vk_json_new_uint(count->skipped), "failed",
				   vk_json_new_uint(count->failed), "attributes_refused",
				   vk_json_new_uint(count->refused));
		vk_json_print(object);
		return;
	}
	if (count->skipped)
		vk_log_warning("left out: %s (devices, FIFOs, sockets)", skipped);
	vk_log_info("%s copied to '%s', %s", files, directory, bytes);
}

static gboolean sum_up(const VkCopyCount *count, GError *worst, GError **error)
{
	if (worst) {
		g_propagate_error(error, worst);
		return FALSE;
	}
	if (count->failed)
		return vk_fail(error, VK_ERROR_PARTIAL, "%" G_GUINT64_FORMAT " %s not copied",
			       count->failed, count->failed == 1 ? "entry was" : "entries were");
	return count->refused == 0 ||
	       vk_fail(error, VK_ERROR_PARTIAL, "%" G_GUINT64_FORMAT " %s not copied",
		       count->refused,
		       count->refused == 1 ? "extended attribute was" : "extended attributes were");
}

/* The copies keep set-user-ID bits: no other user may get at them. */
static gboolean check_archive(const char *directory, GError **error)
{
	struct statvfs mounted;
	struct stat st;

	if (geteuid() != 0)
		return vk_fail(error, VK_ERROR_USAGE,
			       "only root can give files to their owners: run it as root, or "
			       "without --archive");
	if (stat(directory, &st) < 0 || statvfs(directory, &mounted) < 0)
		return vk_fail_errno(error, errno, "cannot open the directory '%s'", directory);
	return (st.st_mode & 0077) == 0 || mounted.f_flag & ST_NOSUID ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "other users can enter '%s', and --archive keeps set-user-ID bits: "
		       "'chmod 700' it, or mount it with nosuid",
		       directory);
}

gboolean vk_files_copy(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"copy SNAPSHOT:PATH... DIRECTORY",
					   "Copies files and directories to this host.", 2,
					   G_MAXUINT};
	VkCopyOptions options = {0};
	const GOptionEntry entries[] = {
		{"archive", 0, 0, G_OPTION_ARG_NONE, &options.archive,
		 "Keep owners, all of the modes, and more attributes", NULL},
		{"overwrite", 0, 0, G_OPTION_ARG_NONE, &options.overwrite,
		 "Replace files that exist", NULL},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	guint last = words ? g_strv_length(words) - 1 : 0;
	g_autoptr(GPtrArray) locations = words ? vk_locations_parse(words, last, error) : NULL;
	g_autoptr(VkCopyWriter) writer = NULL;
	Copy copy = {.run = run};

	if (!locations || (options.archive && !check_archive(words[last], error)))
		return FALSE;
	writer = copy.target = vk_copy_writer_new(words[last], &options, error);
	if (!writer)
		return FALSE;
	copy.writer = vk_copy_writer_calls(writer);
	if (!vk_files_visit(run, locations, copy_one, &copy, error)) {
		g_clear_error(&copy.worst);
		return FALSE;
	}
	report(run, vk_copy_writer_count(writer), words[last]);
	return sum_up(vk_copy_writer_count(writer), copy.worst, error);
}
