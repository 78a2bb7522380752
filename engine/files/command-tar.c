/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "errors.h"
#include "log.h"
#include "output.h"
#include "tar-writer.h"
#include "text.h"

#include <string.h>
#include <unistd.h>

typedef struct Archive {
	const VkFilesRun *run;
	VkTarWriter *writer;
	GError *trouble; /* the first of a walk that the others need not suffer from; or NULL */
} Archive;

/* "srv/data" for "/srv/./data/", "" for "/". New string. */
static char *name_in_archive(const VkLocation *location)
{
	g_autofree char *path = g_canonicalize_filename(location->path, "/");

	return g_strdup(path + strspn(path, "/"));
}

static gboolean is_below(const char *name, const char *directory)
{
	gsize length = strlen(directory);

	return strncmp(name, directory, length) == 0 &&
	       (length == 0 || name[length] == '\0' || name[length] == '/');
}

/* Whoever unpacks an archive gets the last one of two files with the same name. */
static gboolean check_names(const GPtrArray *locations, GError **error)
{
	const VkLocation *first = g_ptr_array_index(locations, 0);

	for (guint i = 0; i < locations->len; i++) {
		const VkLocation *location = g_ptr_array_index(locations, i);
		g_autofree char *name = name_in_archive(location);

		if (strcmp(location->snapshot, first->snapshot) != 0)
			return vk_fail(error, VK_ERROR_USAGE,
				       "an archive has files of one snapshot, not of '%s' and '%s'",
				       first->snapshot, location->snapshot);
		for (guint j = 0; j < locations->len; j++) {
			const VkLocation *other = g_ptr_array_index(locations, j);
			g_autofree char *directory = name_in_archive(other);

			if (i != j && is_below(name, directory))
				return vk_fail(error, VK_ERROR_USAGE,
					       "'%s' would be in the archive twice", name);
		}
	}
	return TRUE;
}

static gboolean add_location(gpointer data, VkGuestFiles *files, const VkLocation *location,
			     GError **error)
{
	Archive *archive = data;
	g_autofree char *name = name_in_archive(location);
	const VkWalkCalls calls = vk_tar_writer_calls(archive->writer);
	const VkWalk walk =
		vk_files_walk_of(archive->run, location,
				 VK_WALK_DEEP | VK_WALK_DATA | VK_WALK_ATTRIBUTES | VK_WALK_RANGES);

	vk_tar_writer_begin(archive->writer, name);
	return vk_files_walk_on(files, &walk, &calls, &archive->trouble, error) &&
	       vk_tar_writer_end(archive->writer, error);
}

static gboolean sum_up(Archive *archive, GError **error)
{
	const VkTarCount *count = vk_tar_writer_count(archive->writer);
	g_autofree char *sockets = vk_count_text(count->skipped, "socket");

	if (count->skipped)
		vk_log_warning("left out: %s", sockets);
	if (archive->trouble) {
		g_propagate_error(error, g_steal_pointer(&archive->trouble));
		return FALSE;
	}
	return count->failed == 0 ||
	       vk_fail(error, VK_ERROR_PARTIAL, "%" G_GUINT64_FORMAT " %s in the archive",
		       count->failed,
		       count->failed == 1 ? "entry is not whole" : "entries are not whole");
}

gboolean vk_files_tar(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {
		"tar SNAPSHOT:PATH...",
		"Writes a tar archive of files and directories to the standard output.", 1,
		G_MAXUINT};
	const GOptionEntry entries[] = {vk_files_system_option(run), G_OPTION_ENTRY_NULL};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	g_autoptr(GPtrArray) locations =
		words ? vk_locations_parse(words, g_strv_length(words), error) : NULL;
	g_autoptr(VkTarWriter) writer = NULL;
	Archive archive = {.run = run};
	gboolean ok;

	if (!locations || !check_names(locations, error))
		return FALSE;
	if (run->program.json)
		return vk_fail(error, VK_ERROR_USAGE, "tar has no JSON");
	if (isatty(STDOUT_FILENO))
		return vk_fail(
			error, VK_ERROR_USAGE,
			"an archive is nothing for a terminal: add '> FILE.tar', or '| tar x'");
	writer = archive.writer = vk_tar_writer_new(vk_output_write, error);
	ok = writer && vk_files_visit(run, locations, add_location, &archive, error) &&
	     vk_tar_writer_finish(writer, error) && sum_up(&archive, error);
	g_clear_error(&archive.trouble);
	return ok;
}
