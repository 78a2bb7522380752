/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-status.h"
#include "cmd.h"

#include "array-drivers.h"
#include "errors.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "replication.h"
#include "table.h"
#include "text.h"
#include "timestamp.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, vk_json_new_string(text));
}

static json_t *replication_report(const VkReplication *replication)
{
	json_t *report = json_object(), *snapshots = json_array();

	set_text(report, "array", replication->array);
	set_text(report, "source", replication->source);
	set_text(report, "destination", replication->destination);
	set_text(report, "destination_array", replication->at);
	set_text(report, "type", replication->kind);
	set_text(report, "state", replication->state);
	json_object_set_new(report, "healthy", json_boolean(replication->is_healthy));
	set_text(report, "reason", replication->reason);
	json_object_set_new(report, "lag",
			    replication->lag < 0 ? json_null() : json_integer(replication->lag));
	set_text(report, "transfer_state", replication->transfer_state);
	set_text(report, "transfer_end", replication->transfer_end);
	json_object_set_new(report, "transfer_bytes",
			    vk_json_new_uint(replication->transfer_bytes));
	set_text(report, "exported", replication->exported);
	for (guint i = 0; i < replication->snapshots->len; i++)
		json_array_append_new(snapshots, vk_json_new_string(g_ptr_array_index(
							 replication->snapshots, i)));
	json_object_set_new(report, "snapshots", snapshots);
	set_text(report, "advice", replication->advice);
	return report;
}

/* "2 d 03:04:05"; "-" when it is not known. New string. */
static char *lag_text(gint64 lag)
{
	int seconds = (int)(lag % VK_DAY_SEC);
	g_autofree char *clock =
		g_strdup_printf("%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);

	if (lag < 0)
		return g_strdup("-");
	if (lag < VK_DAY_SEC)
		return g_steal_pointer(&clock);
	return g_strdup_printf("%" G_GINT64_FORMAT " d %s", lag / VK_DAY_SEC, clock);
}

static void add_replication(VkTable *table, const VkReplication *replication)
{
	g_autofree char *lag = lag_text(replication->lag);
	g_autofree char *last = g_strdup_printf(
		"%s%s%s", replication->transfer_state ? replication->transfer_state : "-",
		replication->transfer_end ? " " : "",
		replication->transfer_end ? replication->transfer_end : "");
	const char *note = replication->reason ? replication->reason : replication->advice;

	vk_table_add(table, replication->array, replication->source,
		     replication->destination ? replication->destination : "-",
		     replication->kind ? replication->kind : "-",
		     replication->state ? replication->state : "-",
		     replication->is_healthy ? "yes" : "no", lag, last,
		     replication->exported ? replication->exported : "-", note ? note : "", NULL);
}

static gboolean judge(const GPtrArray *list, GError **error)
{
	g_autofree char *all = vk_count_text(list->len, "replication");
	guint bad = 0;

	for (guint i = 0; i < list->len; i++)
		bad += !((const VkReplication *)g_ptr_array_index(list, i))->is_healthy;
	return bad == 0 ||
	       vk_fail(error, VK_ERROR_PARTIAL, "missing or not healthy: %u of %s", bad, all);
}

static gboolean show_replication(VkProgram *program, VkVault *vault, char *const *names,
				 GError **error)
{
	g_autoptr(VkTable) table =
		vk_table_new("ARRAY", "SOURCE", "DESTINATION", "TYPE", "STATE", "HEALTHY", "LAG",
			     "LAST TRANSFER", "EXPORTED", "NOTE", NULL);
	g_autoptr(VkArrays) arrays = vk_arrays_new(program->settings, vk_log_warning, error);
	g_autoptr(GPtrArray) list =
		arrays ? vk_replication_list(vault, arrays, names, error) : NULL;
	g_autoptr(json_t) report = program->json ? json_array() : NULL;

	if (!list)
		return FALSE;
	for (guint i = 0; i < list->len; i++) {
		const VkReplication *replication = g_ptr_array_index(list, i);

		if (report)
			json_array_append_new(report, replication_report(replication));
		else
			add_replication(table, replication);
	}
	if (report)
		vk_json_print(report);
	else if (list->len > 0)
		vk_table_print(table);
	return judge(list, error);
}

gboolean vk_cmd_status(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean replication = FALSE;
	const GOptionEntry entries[] = {
		{"replication", 0, 0, G_OPTION_ARG_NONE, &replication,
		 "Show instead how arrays replicate their snapshots of the guests", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	char **names = NULL;

	if (!vk_cmd_parse(program, "status [GUEST...]",
			  "Shows for all guests, or for each GUEST, the last good snapshot and its "
			  "age, and "
			  "how full\nthe vault is and when it was last checked.",
			  entries, -1, argc, argv, &names, error))
		return FALSE;
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	if (!vault)
		return FALSE;
	return replication ? show_replication(program, vault, names, error)
			   : vk_cmd_status_overview(program, vault, names, error);
}
