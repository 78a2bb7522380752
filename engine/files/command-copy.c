/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "copy-guest.h"
#include "copy-run.h"
#include "copy-writer.h"
#include "current-task.h"
#include "errors.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

static gboolean begin(gpointer data, const char *name, const VkCopySum *sum, GError **error)
{
	return vk_copy_writer_begin(data, name, sum, error);
}

static gboolean end(gpointer data, GError **error)
{
	return vk_copy_writer_end(data, error);
}

/* The copy to a directory of this host. */
typedef struct Copy {
	const VkFilesRun *run;
	VkCopyTarget target;
	GError *worst; /* the first trouble that others need not suffer from; or NULL */
} Copy;

static gboolean copy_one(gpointer data, VkGuestFiles *files, const VkLocation *location,
			 GError **error)
{
	Copy *copy = data;

	copy->target.entries_max = vk_copy_writer_entries_free(copy->target.data);
	return vk_copy_run(copy->run, files, location, &copy->target, &copy->worst, error);
}

static gboolean copy_here(VkFilesRun *run, GPtrArray *locations, const char *directory,
			  const VkCopyOptions *options, GError **error)
{
	g_autoptr(VkCopyWriter) writer = NULL;
	Copy copy = {.run = run};

	if (options->archive && !check_archive(directory, error))
		return FALSE;
	writer = vk_copy_writer_new(directory, options, error);
	if (!writer)
		return FALSE;
	copy.target = (VkCopyTarget){.title = directory,
				     .calls = vk_copy_writer_calls(writer),
				     .begin = begin,
				     .end = end,
				     .data = writer,
				     .count = vk_copy_writer_count(writer)};
	if (!vk_files_visit(run, locations, copy_one, &copy, error)) {
		g_clear_error(&copy.worst);
		return FALSE;
	}
	return vk_copy_report(run, copy.target.count, directory, copy.worst, error);
}

static gboolean check_words(guint count, const VkCopyOptions *options, const char *to_guest,
			    GError **error)
{
	if (to_guest && options->archive)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--to-guest keeps owners and modes anyway: leave out --archive");
	return to_guest || count > 1 ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "name the directory to copy to: 'copy SNAPSHOT:PATH... DIRECTORY'");
}

gboolean vk_files_copy(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {
		"copy SNAPSHOT:PATH... [DIRECTORY]",
		"Copies files and directories to this host, or into a running guest.", 1,
		G_MAXUINT};
	g_autofree char *to_guest = NULL;
	VkCopyOptions options = {0};
	const GOptionEntry entries[] = {
		{"archive", 0, 0, G_OPTION_ARG_NONE, &options.archive,
		 "Keep owners, all of the modes, and more attributes", NULL},
		{"overwrite", 0, 0, G_OPTION_ARG_NONE, &options.overwrite,
		 "Replace files that exist", NULL},
		{"to-guest", 0, 0, G_OPTION_ARG_STRING, &to_guest,
		 "Put them back into a running guest, instead of a DIRECTORY", "[GUEST][:/PATH]"},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	guint count = words ? g_strv_length(words) : 0;
	g_autoptr(GPtrArray) locations = NULL;

	if (!words || !check_words(count, &options, to_guest, error))
		return FALSE;
	locations = vk_locations_parse(words, to_guest ? count : count - 1, error);
	if (!locations)
		return FALSE;
	vk_task_begin(run->program.settings, "files-copy");
	for (guint i = 0; i < locations->len; i++)
		vk_task_about(((const VkLocation *)g_ptr_array_index(locations, i))->snapshot);
	return to_guest ? vk_copy_to_guest(run, locations, to_guest, options.overwrite, error)
			: copy_here(run, locations, words[count - 1], &options, error);
}
