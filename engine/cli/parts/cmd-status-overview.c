/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep status": how well each guest is saved, and how the vault is. */
#include "cmd-status.h"

#include "check-record.h"
#include "errors.h"
#include "health.h"
#include "json.h"
#include "log.h"
#include "overview.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <stdio.h>

/* What is to be said of the guest besides; "-" for nothing. New string. */
static char *note_text(const VkOverview *overview, const VkOverviewGuest *row)
{
	const VkProtection *protection = row->protection;
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);

	if (protection->damaged > 0)
		g_ptr_array_add(notes, g_strdup_printf("%u newer cannot be used: run 'virtkeep "
						       "verify'",
						       protection->damaged));
	if (protection->age_sec < 0)
		g_ptr_array_add(notes, g_strdup("dated in the future"));
	if (overview->host_known && !row->on_host)
		g_ptr_array_add(notes, g_strdup("not on this host"));
	if (row->skip)
		g_ptr_array_add(notes, g_strdup_printf("left out: %s", row->skip));
	g_ptr_array_add(notes, NULL);
	return notes->len > 1 ? g_strjoinv("; ", (char **)notes->pdata) : g_strdup("-");
}

static void print_rows(const VkOverview *overview)
{
	g_autoptr(VkTable) table = vk_table_new("GUEST", "LAST SNAPSHOT", "AGE", "CONSISTENCY",
						"SNAPSHOTS", "NOTE", NULL);

	for (guint i = 0; i < overview->guests->len; i++) {
		const VkOverviewGuest *row = g_ptr_array_index(overview->guests, i);
		const VkProtection *protection = row->protection;
		const VkSnapshot *last = protection->last;
		g_autofree char *age = last ? vk_age_text(protection->age_sec) : g_strdup("-");
		g_autofree char *when = last ? vk_when_local(last->time) : g_strdup("never");
		g_autofree char *count = g_strdup_printf("%u", protection->snapshots);
		g_autofree char *note = note_text(overview, row);

		vk_table_add(table, row->name, when, age, last ? last->consistency : "-", count,
			     note, NULL);
	}
	if (overview->guests->len > 0)
		vk_table_print(table);
}

static void print_check(const char *what, const VkCheckRecord *record)
{
	gint64 age_sec = g_get_real_time() / G_USEC_PER_SEC - record->time;
	g_autofree char *age = vk_age_text(age_sec);
	g_autofree char *errors = vk_count_text(record->errors, "error");

	if (record->time == 0)
		vk_print_line(stdout, "%s: never", what);
	else if (record->errors == 0)
		vk_print_line(stdout, "%s: %s ago, sound", what, age);
	else
		vk_print_line(stdout, "%s: %s ago, %s", what, age, errors);
}

/* When all data was read back, as far as it was. */
static void print_read(const VkHealthSummary *summary)
{
	gint64 age_sec = (g_get_real_time() - summary->oldest) / G_USEC_PER_SEC;
	g_autofree char *age = vk_age_text(age_sec);
	g_autofree char *packs = vk_count_text(summary->packs, "pack");
	g_autofree char *damaged = vk_count_text(summary->damaged, "pack");

	if (summary->unread == summary->packs)
		vk_print_line(stdout, "data: never read back");
	else if (summary->unread == 0)
		vk_print_line(stdout, "data: all was read back within %s", age);
	else
		vk_print_line(stdout, "data: %u of %s never read back, the others within %s",
			      summary->unread, packs, age);
	if (summary->damaged > 0)
		vk_print_line(stdout, "data: %s damaged: run 'virtkeep verify --data'", damaged);
}

static void print_vault(const VkVault *vault, const VkVaultUsage *usage, const VkCheckRecord *any,
			const VkHealthSummary *summary)
{
	g_autofree char *bytes = vk_size_text(usage->bytes);
	g_autofree char *packs = vk_count_text(usage->packs, "pack");
	g_autofree char *free_text = vk_size_text(usage->free);
	g_autofree char *total = vk_size_text(usage->total);
	g_autofree char *room =
		usage->has_room ? g_strdup_printf(", %s of %s free", free_text, total) : NULL;

	vk_print_line(stdout, "vault '%s': %s in %s%s", vk_vault_url(vault), bytes, packs,
		      room ? room : "");
	print_check("last check", any);
	print_read(summary);
}

static json_t *row_to_json(const VkOverviewGuest *row)
{
	const VkProtection *protection = row->protection;
	const VkSnapshot *last = protection->last;
	g_autofree char *reference = last ? vk_snapshot_reference(last) : NULL;

	return json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:i, s:i}", "guest",
		vk_json_new_string(row->name), "uuid", vk_json_new_string(row->uuid), "on_host",
		row->on_host, "skip", vk_json_new_string(row->skip), "last_snapshot",
		vk_json_new_string(reference), "time", vk_json_new_string(last ? last->time : NULL),
		"age", last ? json_integer((json_int_t)protection->age_sec) : json_null(),
		"consistency", vk_json_new_string(last ? last->consistency : NULL), "snapshots",
		(int)protection->snapshots, "damaged", (int)protection->damaged);
}

static json_t *check_to_json(const VkCheckRecord *record)
{
	g_autofree char *time = record->time ? vk_time_format(record->time) : NULL;

	return time ? json_pack("{s:s, s:b, s:I}", "time", time, "data", record->data, "damages",
				(json_int_t)record->errors)
		    : json_null();
}

static json_t *read_to_json(const VkHealthSummary *summary)
{
	g_autofree char *oldest =
		summary->oldest ? vk_time_format(summary->oldest / G_USEC_PER_SEC) : NULL;

	return json_pack("{s:i, s:i, s:o, s:i}", "packs", (int)summary->packs, "unread",
			 (int)summary->unread, "oldest", vk_json_new_string(oldest), "damaged",
			 (int)summary->damaged);
}

static void print_json(const VkVault *vault, const VkOverview *overview, const VkVaultUsage *usage,
		       const VkCheckRecord *any, const VkCheckRecord *data,
		       const VkHealthSummary *summary)
{
	json_t *guests = json_array();
	g_autoptr(json_t) report = NULL;

	for (guint i = 0; i < overview->guests->len; i++)
		json_array_append_new(guests, row_to_json(g_ptr_array_index(overview->guests, i)));
	report = json_pack(
		"{s:o, s:{s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}}", "guests", guests, "vault",
		"url", vk_json_new_string(vk_vault_url(vault)), "id", vk_vault_id(vault), "packs",
		(json_int_t)usage->packs, "bytes", (json_int_t)usage->bytes, "free",
		usage->has_room ? json_integer((json_int_t)usage->free) : json_null(), "total",
		usage->has_room ? json_integer((json_int_t)usage->total) : json_null(),
		"last_check", check_to_json(any), "last_data_check", check_to_json(data),
		"read_back", read_to_json(summary));
	vk_json_print(report);
}

/* A record that cannot be read is as if there was none. */
static void load_check(VkVault *vault, gboolean data, VkCheckRecord *ret)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_check_record_last(vault, data, ret, &trouble))
		vk_log_warning("when the vault was last checked is not known: %s",
			       trouble->message);
}

static gboolean load_summary(VkVault *vault, VkHealthSummary *ret, GError **error)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, error);

	return health && vk_health_summarize(health, ret, error);
}

gboolean vk_cmd_status_overview(VkProgram *program, VkVault *vault, char *const *names,
				GError **error)
{
	g_autoptr(VkOverview) overview = vk_overview_load(
		vault, program->settings, vk_program_libvirt_uri(program), names, error);
	VkVaultUsage usage;
	VkHealthSummary summary;
	VkCheckRecord any, data;

	if (!overview || !vk_vault_usage(vault, &usage, error) ||
	    !load_summary(vault, &summary, error))
		return FALSE;
	if (names[0] && overview->guests->len == 0)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "neither the host nor the vault '%s' has this guest; 'virtkeep "
			       "status' shows all",
			       vk_vault_url(vault));
	load_check(vault, FALSE, &any);
	load_check(vault, TRUE, &data);
	if (program->json) {
		print_json(vault, overview, &usage, &any, &data, &summary);
		return TRUE;
	}
	print_rows(overview);
	print_vault(vault, &usage, &any, &summary);
	return TRUE;
}
