/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "virtkeep forget --policy" prints. */
#include "cmd-forget.h"

#include "forget-plan.h"
#include "json.h"
#include "log.h"
#include "table.h"
#include "text.h"
#include "when.h"

#include <stdio.h>

/* New string. */
static char *name_of(const VkForgetGuest *guest, const VkForgetItem *item)
{
	return g_strdup_printf("%s@%s", guest->name, item->key->time);
}

static char *reasons_of(const VkForgetItem *item)
{
	return item->is_refused ? g_strdup("it could not be forgotten")
				: g_strjoinv("; ", item->reasons);
}

static void print_guest(const VkForgetGuest *guest, const char *verb)
{
	g_autofree char *all = vk_count_text(guest->items->len, "snapshot");

	vk_print_line(stdout, "%s%s: %u of %s %s", guest->name,
		      guest->is_gone ? " (no longer on this host)" : "", guest->n_forgotten, all,
		      verb);
}

static void print_total(const GPtrArray *plan, const char *verb)
{
	guint snapshots = 0, forgotten = 0;
	g_autofree char *all = NULL;
	g_autofree char *guests = vk_count_text(plan->len, "guest");

	for (guint i = 0; i < plan->len; i++) {
		const VkForgetGuest *guest = g_ptr_array_index(plan, i);

		snapshots += guest->items->len;
		forgotten += guest->n_forgotten;
	}
	all = vk_count_text(snapshots, "snapshot");
	vk_print_line(stdout, "%u of %s of %s %s", forgotten, all, guests, verb);
}

void vk_forget_print_plan(const GPtrArray *plan)
{
	for (guint i = 0; i < plan->len; i++) {
		const VkForgetGuest *guest = g_ptr_array_index(plan, i);
		g_autoptr(VkTable) table = vk_table_new("SNAPSHOT", "TIME", "KEPT", "WHY", NULL);

		for (guint j = 0; j < guest->items->len; j++) {
			const VkForgetItem *item = g_ptr_array_index(guest->items, j);
			g_autofree char *name = name_of(guest, item);
			g_autofree char *time = vk_when_local(item->key->time);
			g_autofree char *reasons = reasons_of(item);
			gboolean kept = vk_forget_is_kept(item);

			vk_table_add(table, name, time, kept ? "yes" : "no", kept ? reasons : "-",
				     NULL);
		}
		print_guest(guest, "would be forgotten");
		vk_table_print(table);
		vk_print_line(stdout, "%s", "");
	}
	print_total(plan, "would be forgotten");
}

/* What stays without a rule of the policy is named: it may stay for ever. */
static void warn_of_odd(const VkForgetGuest *guest)
{
	for (guint i = 0; i < guest->items->len; i++) {
		const VkForgetItem *item = g_ptr_array_index(guest->items, i);
		g_autofree char *name = name_of(guest, item);
		g_autofree char *reasons = reasons_of(item);

		if (item->is_odd)
			vk_log_warning("'%s' is kept: %s; 'virtkeep forget %s' forgets it anyway",
				       name, reasons, name);
	}
}

void vk_forget_print_done(const GPtrArray *plan)
{
	for (guint i = 0; i < plan->len; i++) {
		const VkForgetGuest *guest = g_ptr_array_index(plan, i);

		warn_of_odd(guest);
		if (!vk_log_is_quiet() && (guest->n_forgotten > 0 || guest->is_gone))
			print_guest(guest, "forgotten");
	}
	if (!vk_log_is_quiet())
		print_total(plan, "forgotten");
}

static json_t *item_to_json(const VkForgetGuest *guest, const VkForgetItem *item)
{
	g_autofree char *name = name_of(guest, item);
	json_t *reasons = json_array();

	for (char **reason = item->reasons; *reason; reason++)
		json_array_append_new(reasons, vk_json_new_string(*reason));
	return json_pack("{s:o, s:s, s:s, s:b, s:o}", "snapshot", vk_json_new_string(name), "time",
			 item->key->time, "id", item->key->id, "kept", vk_forget_is_kept(item),
			 "reasons", reasons);
}

json_t *vk_forget_to_json(const GPtrArray *plan, gboolean dry_run)
{
	json_t *guests = json_array();
	json_t *report = json_pack("{s:o, s:b}", "guests", guests, "dry_run", dry_run);

	for (guint i = 0; i < plan->len; i++) {
		const VkForgetGuest *guest = g_ptr_array_index(plan, i);
		json_t *snapshots = json_array();

		for (guint j = 0; j < guest->items->len; j++)
			json_array_append_new(
				snapshots, item_to_json(guest, g_ptr_array_index(guest->items, j)));
		json_array_append_new(guests,
				      json_pack("{s:o, s:s, s:b, s:i, s:o}", "guest",
						vk_json_new_string(guest->name), "uuid",
						guest->uuid, "gone", guest->is_gone, "forgotten",
						(int)guest->n_forgotten, "snapshots", snapshots));
	}
	return report;
}
