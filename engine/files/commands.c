/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "errors.h"
#include "log.h"
#include "open-vault.h"

#include <stdlib.h>
#include <string.h>

/* Little is read twice: the appliance caches what it has read. */
#define CACHE_BYTES ((gsize)16 << 20)

void vk_files_run_clear(VkFilesRun *run)
{
	g_clear_pointer(&run->vault, vk_vault_free);
	g_clear_pointer(&run->arrays, vk_arrays_free);
	g_clear_pointer(&run->system, g_free);
	g_clear_pointer(&run->key_files, g_strfreev);
	g_clear_pointer(&run->kernel, g_free);
	g_clear_pointer(&run->keys, vk_volume_keys_free);
	vk_program_clear(&run->program);
}

GOptionEntry vk_files_system_option(VkFilesRun *run)
{
	return (GOptionEntry){
		.long_name = "system",
		.arg = G_OPTION_ARG_STRING,
		.arg_data = &run->system,
		.description = "Of several installed systems the one whose root is on VOLUME",
		.arg_description = "VOLUME",
	};
}

/* Snapshots and what is in them take too long to be looked up. */
static gboolean complete_kind(const VkCompletion *completion, const char *kind, gpointer data)
{
	static const char *const kinds[] = {"VOLUME", "GUEST:/PATH",     "GLOB",
					    "SIZE",   "[GUEST][:/PATH]", NULL};

	if (strcmp(kind, "TYPE") == 0) {
		vk_completion_offer(completion, "f", "files");
		vk_completion_offer(completion, "d", "directories");
		vk_completion_offer(completion, "l", "symbolic links");
		return TRUE;
	}
	return g_strv_contains(kinds, kind) || g_str_has_prefix(kind, "SNAPSHOT");
}

static void complete(VkFilesRun *run, GOptionContext *context, const char *words)
{
	const VkCompletion *completion = run->program.completion;

	g_strfreev(vk_completion_parse(completion, context));
	vk_completion_answer(completion, words, complete_kind, run);
	exit(0);
}

static gboolean check_words(const VkFilesUsage *usage, char **words, GError **error)
{
	guint count = g_strv_length(words);
	const char *behind = strchr(usage->words, ' ');

	if (count < usage->words_min)
		return vk_fail(error, VK_ERROR_USAGE, "'%.*s' wants %s: try --help",
			       (int)(behind - usage->words), usage->words, behind + 1);
	return count <= usage->words_max ||
	       vk_fail(error, VK_ERROR_USAGE, "'%.*s' takes no '%s': try --help",
		       (int)(behind - usage->words), usage->words, words[usage->words_max]);
}

static gboolean read_keys(VkFilesRun *run, GError **error)
{
	run->keys = vk_volume_keys_new((const char *const *)run->key_files, error);
	return run->keys != NULL;
}

char **vk_files_parse(VkFilesRun *run, const VkFilesUsage *usage, const GOptionEntry *entries,
		      int argc, char **argv, GError **error)
{
	const GOptionEntry common[] = {
		{"key-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &run->key_files,
		 "The key of the encrypted VOLUME, or of all that it opens; may be repeated",
		 "[VOLUME=]FILE"},
		{"kernel", 0, 0, G_OPTION_ARG_FILENAME, &run->kernel,
		 "Read by the newest kernel in DIRECTORY, in QEMU", "DIRECTORY"},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(usage->words);
	char **words = argv + 1;

	g_option_context_set_summary(context, usage->summary);
	if (entries)
		g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_add_main_entries(context, common, NULL);
	vk_completion_add_entries(run->program.completion, entries);
	vk_completion_add_entries(run->program.completion, common);
	vk_program_add_options(&run->program, context);
	if (run->program.completion)
		complete(run, context, usage->words);
	if (!vk_program_parse(&run->program, context, &argc, &argv, error))
		return NULL;
	if (words[0] && strcmp(words[0], "--") == 0)
		words++;
	return check_words(usage, words, error) && vk_program_start(&run->program, error) &&
			       read_keys(run, error)
		       ? words
		       : NULL;
}

VkVault *vk_files_vault(VkFilesRun *run, GError **error)
{
	VkCopyReader reader;

	if (run->vault)
		return run->vault;
	run->arrays = vk_arrays_new(run->program.settings, vk_log_warning, error);
	run->vault = run->arrays ? vk_open_vault_to_read(&run->program, NULL, FALSE, error) : NULL;
	if (!run->vault)
		return NULL;
	reader = vk_arrays_reader(run->arrays);
	vk_vault_set_copy_reader(run->vault, &reader);
	vk_vault_set_cache_size(run->vault, CACHE_BYTES);
	return run->vault;
}

VkGuestFiles *vk_files_open_snapshot(VkFilesRun *run, const char *reference, GError **error)
{
	VkVault *vault = vk_files_vault(run, error);
	VkMachineKind kind = {.kernel = run->kernel};
	const char *run_dir;

	if (!vault)
		return NULL;
	run_dir = vk_settings_get(run->program.settings, "backup", "run_dir");
	kind.machine = vk_settings_get(run->program.settings, "files", "appliance");
	return vk_guest_files_open(vault, reference, run_dir, &kind, run->keys, error);
}

static gboolean is_visited(const GPtrArray *locations, guint index)
{
	const VkLocation *location = g_ptr_array_index(locations, index);

	for (guint i = 0; i < index; i++)
		if (strcmp(((const VkLocation *)g_ptr_array_index(locations, i))->snapshot,
			   location->snapshot) == 0)
			return TRUE;
	return FALSE;
}

/* Visits those of the snapshot of the one at FIRST, which is the first of them. */
static gboolean visit_snapshot(VkFilesRun *run, GPtrArray *locations, guint first,
			       VkFilesVisit visit, gpointer data, GError **error)
{
	const char *snapshot = ((VkLocation *)g_ptr_array_index(locations, first))->snapshot;
	g_autoptr(VkGuestFiles) files = vk_files_open_snapshot(run, snapshot, error);

	if (!files)
		return FALSE;
	for (guint i = first; i < locations->len; i++) {
		const VkLocation *location = g_ptr_array_index(locations, i);

		if (strcmp(location->snapshot, snapshot) == 0 &&
		    !visit(data, files, location, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_files_visit(VkFilesRun *run, GPtrArray *locations, VkFilesVisit visit, gpointer data,
			GError **error)
{
	for (guint i = 0; i < locations->len; i++)
		if (!is_visited(locations, i) &&
		    !visit_snapshot(run, locations, i, visit, data, error))
			return FALSE;
	return TRUE;
}

gboolean vk_files_open(VkFilesRun *run, const char *text, VkLocation *ret_location,
		       VkGuestFiles **ret_files, GError **error)
{
	if (!vk_location_parse(text, ret_location, error))
		return FALSE;
	*ret_files = vk_files_open_snapshot(run, ret_location->snapshot, error);
	return *ret_files != NULL;
}

VkWalk vk_files_walk_of(const VkFilesRun *run, const VkLocation *location, guint flags)
{
	return (VkWalk){.volume = location->volume,
			.system = run->system,
			.path = location->path,
			.flags = flags};
}

gboolean vk_files_walk_on(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			  GError **worst, GError **error)
{
	GError *trouble = NULL;

	if (vk_guest_files_walk(files, walk, calls, &trouble))
		return TRUE;
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_PARTIAL) &&
	    !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (*worst)
		g_error_free(trouble);
	else
		*worst = trouble;
	return TRUE;
}
