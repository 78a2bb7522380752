/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "array-drivers.h"
#include "catalog.h"
#include "current-task.h"
#include "errors.h"
#include "event.h"
#include "interrupt.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"
#include "vault-copy.h"

#include <stdio.h>

static void print_copied(const VkSnapshot *snapshot)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	g_autofree char *read_text = NULL;
	g_autofree char *stored_text = NULL;
	guint64 read = 0, stored = 0;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		read += disk->read;
		stored += disk->stored;
	}
	read_text = vk_size_text(read);
	stored_text = vk_size_text(stored);
	vk_print_line(stdout, "%s: copied into the vault; %s read, %s stored", reference, read_text,
		      stored_text);
	fflush(stdout);
}

/* The snapshot, and whether and how fast it was copied just now. */
static json_t *report_of(const VkSnapshot *snapshot, gboolean copied, gint64 usec)
{
	json_t *report = vk_snapshot_to_report(snapshot);

	json_object_set_new(report, "copied", json_boolean(copied));
	json_object_set_new(report, "copy_ms", json_integer((usec + 999) / 1000));
	return report;
}

static void print_present(const VkSnapshot *snapshot)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);

	vk_print_line(stdout, "%s: in the vault already; nothing copied", reference);
}

/* The thread's subject is the snapshot. */
static void tell_copied(const char *reference, gboolean present, json_t *result)
{
	g_autofree char *text =
		g_strdup_printf("'%s' is %s", reference,
				present ? "in the vault already" : "copied into the vault");
	g_autoptr(json_t) details = json_pack("{s:O}", "result", result);

	vk_event_tell(&(VkEvent){.kind = VK_EVENT_GUEST_DONE, .text = text, .details = details});
}

static gboolean copy_one(VkVault *vault, VkArrays *arrays, const char *reference, guint workers,
			 json_t *report, gboolean json, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, reference, error);
	g_autoptr(VkProgress) progress = snapshot ? vk_progress_new(reference, 0) : NULL;
	gboolean present = snapshot && vk_snapshot_is_in_vault(snapshot);
	g_autofree char *found = snapshot ? vk_snapshot_reference(snapshot) : NULL;
	gint64 begun = g_get_monotonic_time();
	g_autoptr(json_t) result = NULL;

	vk_event_set_subject(snapshot ? snapshot->name : NULL, found);
	if (!snapshot || !vk_vault_copy(vault, arrays, snapshot, workers, progress, error)) {
		g_prefix_error(error, "cannot copy '%s': ", reference);
		return FALSE;
	}
	g_clear_pointer(&progress, vk_progress_free);
	result = report_of(snapshot, !present, g_get_monotonic_time() - begun);
	tell_copied(found, present, result);
	json_array_append(report, result);
	if (!json && !vk_log_is_quiet())
		present ? print_present(snapshot) : print_copied(snapshot);
	return TRUE;
}

/* The snapshot was not copied: to REPORT, or as a message when there are others to come. */
static void tell_failure(const char *reference, const GError *trouble, gboolean alone,
			 json_t *report)
{
	const VkEvent event = {.kind = VK_EVENT_GUEST_FAILED,
			       .text = trouble->message,
			       .snapshot = reference,
			       .code = vk_error_word(trouble)};

	json_array_append_new(report, json_pack("{s:o, s:s, s:o}", "snapshot",
						vk_json_new_string(reference), "code",
						vk_error_word(trouble), "error",
						vk_json_new_string(trouble->message)));
	if (alone)
		vk_event_tell(&event);
	else
		vk_log_event(&event);
}

static gboolean fail_all(guint copied, guint failed, guint count, GError **error)
{
	g_autofree char *all = vk_count_text(count, "snapshot");
	VkErrorCode code = copied > 0 ? VK_ERROR_PARTIAL : VK_ERROR_FAILED;

	return vk_interrupted() ? vk_fail(error, code, "interrupted: %u of %s copied", copied, all)
				: vk_fail(error, code, "%u of %s could not be copied", failed, all);
}

/* Each of the REFERENCES in turn; to DONE and FAILED goes what became of it. JSON: only there. */
static gboolean copy_each(VkVault *vault, VkArrays *arrays, char **references, guint workers,
			  json_t *done, json_t *failed, gboolean json, GError **error)
{
	guint count = g_strv_length(references), n_failed = 0, copied = 0;

	for (guint i = 0; i < count; i++) {
		g_autoptr(GError) trouble = NULL;

		if (copy_one(vault, arrays, references[i], workers, done, json, &trouble)) {
			copied++;
			continue;
		}
		if (vk_interrupted())
			return fail_all(copied, n_failed, count, error);
		n_failed++;
		tell_failure(references[i], trouble, count == 1, failed);
		if (count == 1) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
	}
	vk_event_set_subject(NULL, NULL);
	return n_failed == 0 || fail_all(copied, n_failed, count, error);
}

static gboolean copy_all(VkProgram *program, VkVault *vault, char **references, GError **error)
{
	guint workers = (guint)vk_settings_get_uint(program->settings, "backup", "workers");
	g_autoptr(VkArrays) arrays = vk_arrays_new(program->settings, vk_log_warning, error);
	json_t *done = json_array(), *failed = json_array();
	g_autoptr(json_t) report = json_pack("{s:o, s:o}", "snapshots", done, "failed", failed);
	gboolean ok;

	if (!arrays)
		return FALSE;
	ok = copy_each(vault, arrays, references, workers, done, failed, program->json, error);
	vk_task_result(report, program->json);
	return ok;
}

gboolean vk_cmd_copy(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkVault) vault = NULL;
	char **references = NULL;

	program->command = "copy";
	if (!vk_cmd_parse(
		    program, "copy SNAPSHOT...",
		    "Reads snapshots that lie only on arrays into the vault. SNAPSHOT is "
		    "GUEST@TIME, or\nGUEST for its latest. TIME may be latest, a date or time "
		    "like 2026-11-28T07:30,\nyesterday, -1, or an id.",
		    NULL, -1, argc, argv, &references, error))
		return FALSE;
	if (!references[0])
		return vk_fail(error, VK_ERROR_USAGE,
			       "no snapshot named; 'virtkeep list' shows what there is");
	vk_task_begin(program->settings, "copy");
	vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	return vault && copy_all(program, vault, references, error);
}
