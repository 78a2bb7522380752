/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-gc.h"

#include "array-collect.h"
#include "array-drivers.h"
#include "json.h"
#include "keeper.h"
#include "log.h"
#include "progress.h"
#include "table.h"
#include "text.h"
#include "when.h"

#include <stdio.h>

/* More lines would not help a person. */
#define KEEPERS_MAX 10u

/* Whom nothing more is known of is no reason to fail after the collection. */
static GPtrArray *list_keepers(const VkGcReport *report)
{
	g_autoptr(GError) trouble = NULL;
	GPtrArray *keepers = vk_keepers_list(report->vault, &trouble);

	if (!keepers)
		vk_log_warning("who keeps forgotten snapshots is not known: %s", trouble->message);
	return keepers;
}

static const char *keeper_word(const VkKeeper *keeper)
{
	if (!keeper->lease)
		return "pin";
	if (keeper->kind == VK_LEASE_UNKNOWN)
		return "unknown";
	return keeper->kind == VK_LEASE_WRITE ? "write" : "read";
}

static const char *describe_lease(const VkKeeper *keeper)
{
	if (keeper->kind == VK_LEASE_UNKNOWN)
		return "an unreadable lease";
	return keeper->kind == VK_LEASE_WRITE ? "the backup that was taken for dead"
					      : "a restore, a mount or a check";
}

static json_t *keepers_to_json(const VkGcReport *report)
{
	g_autoptr(GPtrArray) keepers = list_keepers(report);
	json_t *list = json_array();

	for (guint i = 0; keepers && i < keepers->len; i++) {
		const VkKeeper *keeper = g_ptr_array_index(keepers, i);

		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:I}", "by",
						      keeper_word(keeper), "host",
						      vk_json_new_string(keeper->host), "since",
						      vk_json_new_string(keeper->since), "lease",
						      vk_json_new_string(keeper->lease),
						      "snapshots", (json_int_t)keeper->snapshots));
	}
	return list;
}

static void print_keeper(const VkKeeper *keeper)
{
	g_autofree char *snapshots = vk_count_text(keeper->snapshots, "forgotten snapshot");
	g_autofree char *since = keeper->since ? vk_when_local(keeper->since) : g_strdup("?");
	const char *what = keeper->snapshots > 0 ? snapshots : "the blocks of one backup";
	const char *verb = keeper->snapshots == 1 ? "stays" : "stay";

	if (!keeper->lease && keeper->expired)
		vk_print_line(stdout, "%s %s: its pin has ended: unpin it", what, verb);
	else if (!keeper->lease)
		vk_print_line(stdout, "%s %s: pinned on the host '%s' since %s", what, verb,
			      keeper->host ? keeper->host : "?", since);
	else
		vk_print_line(stdout, "%s %s: %s on the host '%s' since %s, lease %s", what, verb,
			      describe_lease(keeper), keeper->host ? keeper->host : "?", since,
			      keeper->lease);
}

static void print_keepers(const VkGcReport *report)
{
	g_autoptr(GPtrArray) keepers = list_keepers(report);
	gboolean has_lease = FALSE;

	for (guint i = 0; keepers && i < keepers->len; i++) {
		const VkKeeper *keeper = g_ptr_array_index(keepers, i);

		has_lease = has_lease || keeper->lease;
		if (i < KEEPERS_MAX)
			print_keeper(keeper);
	}
	if (keepers && keepers->len > KEEPERS_MAX)
		vk_print_line(stdout, "and %u more like these", keepers->len - KEEPERS_MAX);
	if (has_lease)
		vk_print_line(stdout, "if one of these hosts does not come back, run 'virtkeep "
				      "doctor --end-lease LEASE'");
}

json_t *vk_gc_to_json(const VkGcReport *report)
{
	const VkCollectResult *result = &report->result;

	return json_pack("{s:b, s:I, s:I, s:I, s:o, s:I, s:b, s:I, s:o}", "dry_run",
			 report->dry_run, "snapshots", (json_int_t)result->snapshots, "packs",
			 (json_int_t)result->packs, "compacted", (json_int_t)result->compacted,
			 "freed", vk_json_new_uint(result->bytes), "left_on_arrays",
			 (json_int_t)report->left_on_arrays, "took_over", result->took_over,
			 "duration_ms", (json_int_t)((report->usec + 999) / 1000), "kept",
			 keepers_to_json(report));
}

void vk_gc_print(const VkGcReport *report)
{
	const VkCollectResult *result = &report->result;
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
		      report->dry_run ? "would be: " : "", snapshots, packs, result->compacted,
		      bytes);
	print_keepers(report);
}

gboolean vk_gc_did_anything(const VkGcReport *report)
{
	const VkCollectResult *result = &report->result;

	return result->took_over || result->snapshots > 0 || result->packs > 0 ||
	       result->compacted > 0;
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

/* ERROR NULL: there is an error already, which says more. */
static gboolean finish_arrays(VkArrayCollect *copies, VkGcReport *report, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (vk_array_collect_finish(copies, &report->left_on_arrays, &trouble))
		return TRUE;
	if (error)
		g_propagate_error(error, g_steal_pointer(&trouble));
	else
		vk_log_warning("%s", trouble->message);
	return FALSE;
}

gboolean vk_gc_run(const VkProgram *program, VkVault *vault, const VkCollectOptions *how,
		   VkGcReport *report, GError **error)
{
	g_autoptr(VkArrays) arrays = vk_arrays_new(program->settings, vk_log_warning, error);
	g_autoptr(VkArrayCollect) copies = arrays ? vk_array_collect_new(arrays, vault) : NULL;
	g_autoptr(VkProgress) progress = vk_progress_new("gc", 0);
	gint64 begun = g_get_monotonic_time();
	VkCollectOptions options = *how;
	gboolean done;

	*report = (VkGcReport){.dry_run = options.dry_run, .vault = vault};
	if (!copies)
		return FALSE;
	options.on_step = tell_step;
	options.user = progress;
	options.removal = (VkRemoval){.on_remove = vk_array_collect_add, .user = copies};
	done = vk_collect(vault, &options, &report->result, error);
	done = finish_arrays(copies, report, done ? error : NULL) && done;
	report->usec = g_get_monotonic_time() - begun;
	return done;
}
