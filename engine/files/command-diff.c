/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "appliance-slot.h"
#include "entry-print.h"
#include "errors.h"
#include "log.h"
#include "text.h"
#include "tree-diff.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *mark, *word;
} kinds[VK_DIFF_KINDS] = {
	[VK_DIFF_ADDED] = {"+", "added"},       [VK_DIFF_REMOVED] = {"-", "removed"},
	[VK_DIFF_TYPE] = {"T", "type"},         [VK_DIFF_CONTENT] = {"M", "content"},
	[VK_DIFF_METADATA] = {"U", "metadata"},
};

typedef struct Output {
	const char *path; /* that was asked for */
	gboolean json;
	guint64 counts[VK_DIFF_KINDS];
	gboolean is_first; /* nothing was printed */
} Output;

/* One of the two snapshots. */
typedef struct Half {
	VkLocation location;
	VkGuestFiles *files;
	VkGuestWalk *walk;
	VkDiffSide *side;
} Half;

static void half_clear(Half *half)
{
	vk_diff_side_free(half->side);
	vk_guest_walk_free(half->walk);
	vk_guest_files_free(half->files);
	vk_location_clear(&half->location);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Half, half_clear)

static json_t *entry_or_null(const VkEntry *entry, const char *path)
{
	return entry ? vk_entry_to_json(entry, path) : json_null();
}

static gboolean print_difference(gpointer data, VkDiffKind kind, const VkEntry *before,
				 const VkEntry *after, GError **error)
{
	Output *output = data;
	const VkEntry *entry = after ? after : before;
	g_autofree char *path = *entry->path ? g_build_filename(output->path, entry->path, NULL)
					     : g_strdup(output->path);

	output->counts[kind]++;
	if (output->json) {
		g_autoptr(json_t) object =
			json_pack("{s:s, s:o, s:o}", "change", kinds[kind].word, "before",
				  entry_or_null(before, path), "after", entry_or_null(after, path));

		vk_entry_add_name(object, "path", path);
		vk_json_print_item(object, output->is_first);
	} else {
		vk_print_line(stdout, "%-4s %s%s", kinds[kind].mark, path,
			      S_ISDIR(entry->mode) && !g_str_has_suffix(path, "/") ? "/" : "");
	}
	output->is_first = FALSE;
	return TRUE;
}

static gboolean step(gpointer data, gboolean *ret_ended, GError **error)
{
	Half *half = data;

	return vk_guest_walk_step(half->walk, ret_ended, error);
}

static gboolean begin(VkFilesRun *run, Half *half, gboolean with_data, GError **error)
{
	const VkWalk walk = vk_files_walk_of(run, &half->location,
					     VK_WALK_DEEP | (with_data ? VK_WALK_DATA : 0));
	VkWalkCalls calls;

	half->side = vk_diff_side_new(half->location.path, with_data, step, half);
	calls = vk_diff_side_calls(half->side);
	half->walk = vk_guest_walk_new(half->files, &walk, &calls, error);
	return half->walk != NULL;
}

static void print_sum(const Output *output)
{
	guint64 changed = output->counts[VK_DIFF_TYPE] + output->counts[VK_DIFF_CONTENT] +
			  output->counts[VK_DIFF_METADATA];

	vk_log_info("%" G_GUINT64_FORMAT " added, %" G_GUINT64_FORMAT " removed, %" G_GUINT64_FORMAT
		    " changed",
		    output->counts[VK_DIFF_ADDED], output->counts[VK_DIFF_REMOVED], changed);
}

/* Of a side that could not read all. */
static gboolean check_side(const VkDiffSide *side, GError **error)
{
	const GError *trouble = vk_diff_side_trouble(side);

	if (trouble)
		g_propagate_error(error, g_error_copy(trouble));
	return !trouble;
}

static gboolean compare(VkFilesRun *run, Half *before, Half *after, gboolean with_data,
			GError **error)
{
	Output output = {.path = after->location.path, .json = run->program.json, .is_first = TRUE};
	gboolean ok;

	if (!begin(run, before, with_data, error) || !begin(run, after, with_data, error))
		return FALSE;
	ok = vk_tree_diff(before->side, after->side, print_difference, &output, error);
	if (output.json)
		vk_json_print_end(output.is_first);
	if (!ok)
		return FALSE;
	print_sum(&output);
	return check_side(before->side, error) && check_side(after->side, error);
}

/* WORD is a snapshot, or a whole location if PATH, which may be that of a volume, is NULL. */
static gboolean open_half(VkFilesRun *run, const char *word, const char *path, Half *half,
			  GError **error)
{
	g_autofree char *text = path ? g_strconcat(word, ":", path, NULL) : g_strdup(word);

	return vk_files_open(run, text, &half->location, &half->files, error);
}

/* Each has an appliance. */
static gboolean open_both(VkFilesRun *run, char *const *words, Half *before, Half *after,
			  GError **error)
{
	const char *run_dir = vk_settings_get(run->program.settings, "backup", "run_dir");
	int pair = vk_appliance_pair_take(run_dir, error);
	gboolean ok = pair >= 0 && open_half(run, words[0], words[2], before, error) &&
		      open_half(run, words[1], words[2], after, error);

	if (pair >= 0)
		close(pair);
	return ok;
}

gboolean vk_files_diff(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {
		"diff SNAPSHOT SNAPSHOT [PATH]",
		"Lists what was added (+), removed (-) or changed from the first snapshot to the "
		"second: other\ncontent (M), other owner or mode (U), another type (T).",
		2, 3};
	gboolean with_data = FALSE;
	const GOptionEntry entries[] = {
		{"data", 0, 0, G_OPTION_ARG_NONE, &with_data,
		 "Compare contents, which are all read, in place of sizes and times", NULL},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	g_auto(Half) before = {0};
	g_auto(Half) after = {0};

	return words && open_both(run, words, &before, &after, error) &&
	       compare(run, &before, &after, with_data, error);
}
