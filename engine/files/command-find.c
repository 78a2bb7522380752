/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "entry-filter.h"
#include "entry-print.h"
#include "text.h"
#include "timestamp.h"

#include <stdio.h>

/* What the command line says of the filter. */
typedef struct FilterWords {
	char *type, *larger, *newer;
} FilterWords;

static void filter_words_clear(FilterWords *words)
{
	g_free(words->type);
	g_free(words->larger);
	g_free(words->newer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FilterWords, filter_words_clear)

typedef struct Search {
	VkEntryFilter filter;
	const char *path; /* that was asked for */
	gboolean json;
	gboolean ends_with_zero; /* each path, in place of a line break */
	gboolean is_first;       /* nothing was printed */
} Search;

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Search *search = data;
	g_autofree char *path = *entry->path ? g_build_filename(search->path, entry->path, NULL)
					     : g_strdup(search->path);

	if (!vk_entry_filter_wants(&search->filter, entry, path))
		return TRUE;
	if (search->json) {
		g_autoptr(json_t) object = vk_entry_to_json(entry, path);

		vk_json_print_item(object, search->is_first);
	} else if (search->ends_with_zero) {
		fputs(path, stdout);
		putchar('\0');
	} else {
		vk_print_line(stdout, "%s", path);
	}
	search->is_first = FALSE;
	return TRUE;
}

/* Ages count from the snapshot. */
static gboolean set_filter(Search *search, const FilterWords *words, const VkSnapshot *snapshot,
			   GError **error)
{
	gint64 now;

	return vk_time_parse(snapshot->time, &now, error) &&
	       vk_entry_filter_set_newer(&search->filter, words->newer, now, error);
}

static gboolean search_in(VkFilesRun *run, const char *word, Search *search,
			  const FilterWords *words, GError **error)
{
	g_auto(VkLocation) location = {0};
	g_autoptr(VkGuestFiles) files = NULL;
	const VkWalkCalls calls = {.entry = take_entry, .data = search};
	VkWalk walk;
	gboolean ok;

	if (!vk_files_open(run, word, &location, &files, error) ||
	    !set_filter(search, words, vk_guest_files_snapshot(files), error))
		return FALSE;
	search->path = location.path;
	search->json = run->program.json;
	walk = vk_files_walk_of(run, &location, VK_WALK_DEEP);
	ok = vk_guest_files_walk(files, &walk, &calls, error);
	if (search->json)
		vk_json_print_end(search->is_first);
	return ok;
}

gboolean vk_files_find(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {
		"find SNAPSHOT:PATH [GLOB]",
		"Lists what is at and below PATH and has a name like GLOB, as '*.conf'.", 1, 2};
	g_auto(FilterWords) given = {0};
	Search search = {.filter = VK_ENTRY_FILTER_INIT, .is_first = TRUE};
	const GOptionEntry entries[] = {
		{"type", 0, 0, G_OPTION_ARG_STRING, &given.type,
		 "Only files (f), directories (d) or symbolic links (l)", "TYPE"},
		{"larger", 0, 0, G_OPTION_ARG_STRING, &given.larger,
		 "Only files of more than SIZE bytes, or KiB, MiB, GiB as in 64K, 1M, 2G", "SIZE"},
		{"newer", 0, 0, G_OPTION_ARG_STRING, &given.newer,
		 "Only what was modified since, like 2026-11-28, or 2d (days) before the snapshot",
		 "WHEN"},
		{"null", '0', 0, G_OPTION_ARG_NONE, &search.ends_with_zero,
		 "Print names as they are, each with a zero byte at its end", NULL},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);

	if (!words || !vk_entry_filter_set_type(&search.filter, given.type, error) ||
	    !vk_entry_filter_set_larger(&search.filter, given.larger, error) ||
	    /* Wrong words fail before an appliance starts. */
	    !vk_entry_filter_set_newer(&search.filter, given.newer, 0, error))
		return FALSE;
	search.filter.glob = words[1];
	return search_in(run, words[0], &search, &given, error);
}
