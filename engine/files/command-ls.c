/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "entry-print.h"
#include "text.h"

#include <sys/stat.h>

typedef struct Listing {
	const char *path; /* that was asked for */
	gboolean json;
	gboolean long_format;
	gboolean is_first; /* nothing was printed */
} Listing;

static gboolean list_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Listing *listing = data;
	const char *name = *entry->path ? entry->path : listing->path;

	if (!*entry->path && S_ISDIR(entry->mode))
		return TRUE;
	if (listing->json) {
		g_autoptr(json_t) object = vk_entry_to_json(entry, name);

		vk_json_print_item(object, listing->is_first);
	} else if (listing->long_format) {
		vk_entry_print_long(entry, name);
	} else {
		vk_print_line(stdout, "%s", name);
	}
	listing->is_first = FALSE;
	return TRUE;
}

gboolean vk_files_ls(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"ls SNAPSHOT[:PATH]", "Lists a directory.", 1, 1};
	gboolean recursive = FALSE;
	Listing listing = {.is_first = TRUE};
	const GOptionEntry entries[] = {
		{"long", 'l', 0, G_OPTION_ARG_NONE, &listing.long_format,
		 "Show modes, owners, sizes and times", NULL},
		{"recursive", 'R', 0, G_OPTION_ARG_NONE, &recursive, "List what is below as well",
		 NULL},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	g_auto(VkLocation) location = {0};
	g_autoptr(VkGuestFiles) files = NULL;
	const VkWalkCalls calls = {.entry = list_entry, .data = &listing};
	VkWalk walk;
	gboolean ok;

	if (!words || !vk_files_open(run, words[0], &location, &files, error))
		return FALSE;
	listing.path = location.path;
	listing.json = run->program.json;
	walk = vk_files_walk_of(run, &location, recursive ? VK_WALK_DEEP : 0);
	ok = vk_guest_files_walk(files, &walk, &calls, error);
	if (run->program.json)
		vk_json_print_end(listing.is_first);
	return ok;
}
