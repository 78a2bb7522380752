/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep gc". */
#include "cmd.h"

#include "collect.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "progress.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

static void print_json(const VkCollectResult *result, gboolean dry_run, gint64 usec)
{
	g_autoptr(json_t) report = json_pack(
		"{s:b, s:I, s:I, s:I, s:o, s:b, s:I}", "dry_run", dry_run, "snapshots",
		(json_int_t)result->snapshots, "packs", (json_int_t)result->packs, "compacted",
		(json_int_t)result->compacted, "freed", vk_json_new_uint(result->bytes),
		"took_over", result->took_over, "duration_ms", (json_int_t)((usec + 999) / 1000));

	vk_json_print(report);
}

static void print_text(const VkCollectResult *result, gboolean dry_run)
{
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");
	g_autofree char *packs = vk_count_text(result->packs, "pack");
	g_autofree char *bytes = vk_size_text(result->bytes);

	if (result->took_over) {
		vk_print_line(stdout,
			      "the vault was made by an earlier version, which can read it "
			      "from now on, but not write into it; nothing was freed: once "
			      "no backup of that version is running, run 'virtkeep gc' again");
		return;
	}
	vk_print_line(stdout, "%s%s removed, %s deleted, %u compacted, %s freed",
		      dry_run ? "would be: " : "", snapshots, packs, result->compacted, bytes);
}

/* A service has no progress line, so its journal gets the steps with --verbose. */
static void tell_step(gpointer user, const char *text)
{
	VkProgress *progress = user;
	g_autofree char *label = g_strdup_printf("gc: %s", text);

	if (vk_progress_is_drawn(progress))
		vk_progress_set_label(progress, label);
	else
		vk_log_debug("%s", label);
}

static gboolean did_anything(const VkCollectResult *result)
{
	return result->took_over || result->snapshots > 0 || result->packs > 0 ||
	       result->compacted > 0;
}

/* What was done before it failed is reported as well. */
static gboolean collect(const VkProgram *program, gboolean dry_run, VkRateLimit *limit,
			GError **error)
{
	g_autoptr(VkVault) vault =
		vk_open_vault(program, NULL, dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	gint64 begun = g_get_monotonic_time();
	VkCollectOptions options = {.dry_run = dry_run, .limit = limit, .on_step = tell_step};
	g_autoptr(VkProgress) progress = NULL;
	VkCollectResult result;
	gboolean done;

	if (!vault)
		return FALSE;
	options.user = progress = vk_progress_new("gc", 0);
	done = vk_collect(vault, &options, &result, error);
	g_clear_pointer(&progress, vk_progress_free);
	if (!done && !did_anything(&result))
		return FALSE;
	if (program->json)
		print_json(&result, dry_run, g_get_monotonic_time() - begun);
	else if (!program->quiet)
		print_text(&result, dry_run);
	return done;
}

/* It is bounded as the rate of backups. */
static gboolean take_rate(const char *text, guint64 *ret, GError **error)
{
	*ret = 0;
	if (!text)
		return TRUE;
	if (!vk_settings_check_value("backup", "limit_rate", text, error)) {
		g_prefix_error(error, "--limit-rate: ");
		return FALSE;
	}
	*ret = g_ascii_strtoull(text, NULL, 10) << 20;
	return TRUE;
}

gboolean vk_cmd_gc(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *rate = NULL;
	gboolean dry_run = FALSE, done;
	const GOptionEntry entries[] = {
		{"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
		 "Change nothing, print what would be freed", NULL},
		{"limit-rate", 0, 0, G_OPTION_ARG_STRING, &rate,
		 "Limit the reading, per second (default 0: no limit)", "MIB"},
		G_OPTION_ENTRY_NULL,
	};
	guint64 bytes_per_sec;
	VkRateLimit limit;
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "gc",
			  "Removes forgotten snapshots, and frees the space that no other "
			  "snapshot needs. Backups,\nmounts and restores go on meanwhile.",
			  entries, 0, argc, argv, &arguments, error) ||
	    !take_rate(rate, &bytes_per_sec, error))
		return FALSE;
	vk_rate_limit_init(&limit, bytes_per_sec);
	done = collect(program, dry_run, &limit, error);
	vk_rate_limit_clear(&limit);
	return done;
}
