/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-run.h"

#include "current-task.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "progress.h"
#include "table.h"
#include "text.h"

#include <string.h>

/* The target's calls, and the progress of the bytes. */
typedef struct Copy {
	VkWalkCalls calls;
	VkProgress *progress;
} Copy;

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Copy *copy = data;

	return copy->calls.entry(copy->calls.data, entry, error);
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	Copy *copy = data;

	vk_progress_add(copy->progress, length);
	return copy->calls.bytes(copy->calls.data, offset, bytes, length, error);
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	Copy *copy = data;

	return copy->calls.attribute(copy->calls.data, name, value, length, error);
}

static void take_unread(gpointer data, const char *path)
{
	Copy *copy = data;

	copy->calls.unread(copy->calls.data, path);
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

gboolean vk_copy_run(const VkFilesRun *run, VkGuestFiles *files, const VkLocation *location,
		     const VkCopyTarget *target, GError **worst, GError **error)
{
	g_autofree char *name = last_name(location->path);
	g_autoptr(VkProgress) progress = NULL;
	Copy copy = {.calls = target->calls};
	const VkWalkCalls calls = {.entry = take_entry,
				   .bytes = take_bytes,
				   .attribute = take_attribute,
				   .unread = take_unread,
				   .data = &copy};
	const VkWalk walk =
		vk_files_walk_of(run, location, VK_WALK_DEEP | VK_WALK_DATA | VK_WALK_ATTRIBUTES);
	VkCopySum sum;

	if (!vk_copy_sum(files, &walk, target->entries_max, &sum, error) ||
	    !target->begin(target->data, name, &sum, error))
		return FALSE;
	progress = copy.progress = vk_progress_new(location->path, sum.bytes);
	return vk_files_walk_on(files, &walk, &calls, worst, error) &&
	       target->end(target->data, error);
}

void vk_copy_count_add(VkCopyCount *sum, const VkCopyCount *part)
{
	sum->files += part->files;
	sum->directories += part->directories;
	sum->links += part->links;
	sum->bytes += part->bytes;
	sum->skipped += part->skipped;
	sum->failed += part->failed;
	sum->refused += part->refused;
}

static void print(const VkFilesRun *run, const VkCopyCount *count, const char *title)
{
	g_autofree char *files = vk_count_text(count->files, "file");
	g_autofree char *skipped = vk_count_text(count->skipped, "special file");
	g_autofree char *bytes = vk_size_text(count->bytes);
	g_autoptr(json_t) object = NULL;

	object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "files", vk_json_new_uint(count->files),
		"directories", vk_json_new_uint(count->directories), "links",
		vk_json_new_uint(count->links), "bytes", vk_json_new_uint(count->bytes), "skipped",
		vk_json_new_uint(count->skipped), "failed", vk_json_new_uint(count->failed),
		"attributes_refused", vk_json_new_uint(count->refused));
	vk_task_result(object, run->program.json);
	if (run->program.json)
		return;
	if (count->skipped)
		vk_log_warning("left out: %s (devices, FIFOs, sockets)", skipped);
	vk_log_info("%s copied to '%s', %s", files, title, bytes);
}

gboolean vk_copy_report(const VkFilesRun *run, const VkCopyCount *count, const char *title,
			GError *worst, GError **error)
{
	print(run, count, title);
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
