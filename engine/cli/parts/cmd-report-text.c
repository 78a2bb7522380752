/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report for people, on a terminal or in a mail. */
#include "cmd-report.h"

#include "table.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <string.h>

/* What is full later than that is not said to be. */
#define FAR_SEC (VK_DAY_SEC * 365 * 10)

char *vk_report_title(const VkReport *report)
{
	guint now = 0;

	for (guint i = 0; i < report->needs->len; i++)
		now += ((const VkNeed *)g_ptr_array_index(report->needs, i))->level == VK_NEED_NOW;
	if (now > 0) {
		g_autofree char *things = vk_count_text(now, "problem");

		return g_strdup_printf("%s with the backups of %s", things, report->host);
	}
	return report->needs->len > 0
		       ? g_strdup_printf("backups of %s are fine, with notes", report->host)
		       : g_strdup_printf("backups of %s are fine", report->host);
}

static void add_note(GPtrArray *notes, char *note)
{
	g_ptr_array_add(notes, note);
}

char *vk_report_note(const VkReport *report, const VkReportGuest *guest)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);

	if (guest->skip && guest->on_host)
		add_note(notes, g_strdup(guest->skip));
	if (guest->state == VK_STATE_GONE)
		add_note(notes, g_strdup("no longer on its host"));
	if (!vk_report_is_ours(report, guest))
		add_note(notes, g_strdup("another host's"));
	if (guest->on_array_only && guest->time)
		add_note(notes, g_strdup("on an array only"));
	if (guest->excluded)
		add_note(notes, g_strdup_printf("without %s, as configured", guest->excluded));
	if (guest->damaged > 0)
		add_note(notes, g_strdup_printf("%u newer cannot be used", guest->damaged));
	if (guest->error)
		add_note(notes, g_strdup("the last backup failed"));
	g_ptr_array_add(notes, NULL);
	return notes->len > 1 ? g_strjoinv("; ", (char **)notes->pdata) : g_strdup("-");
}

static char *room_line(const VkReport *report)
{
	const VkVaultUsage *usage = &report->usage;
	g_autofree char *bytes = vk_size_text(usage->bytes);
	g_autofree char *packs = vk_count_text(usage->packs, "pack");
	g_autofree char *free_text = vk_size_text(usage->free);
	g_autofree char *total = vk_size_text(usage->total);

	if (!usage->has_room)
		return g_strdup_printf("%s in %s", bytes, packs);
	return g_strdup_printf("%s in %s; %s of %s free (%u %% used)", bytes, packs, free_text,
			       total, vk_report_used_percent(report));
}

static char *growth_line(const VkReport *report)
{
	g_autofree char *week = vk_size_text(report->space.week);
	g_autofree char *month = vk_size_text(report->space.month);
	g_autofree char *full_in = vk_age_text(report->full_in_sec);

	gboolean is_near = report->full_in_sec >= 0 && report->full_in_sec < FAR_SEC;

	return g_strdup_printf("growth: %s in the last 7 days, %s in 30%s%s", week, month,
			       is_near ? "; full in " : "", is_near ? full_in : "");
}

static char *check_line(const VkReport *report, const char *what, const VkCheckRecord *record)
{
	g_autofree char *age = vk_age_text(report->now - record->time);
	g_autofree char *errors = vk_count_text(record->errors, "error");

	if (record->time == 0)
		return g_strdup_printf("%s: never", what);
	return g_strdup_printf("%s: %s ago, %s", what, age, record->errors == 0 ? "sound" : errors);
}

static char *read_line(const VkReport *report)
{
	const VkHealthSummary *health = &report->health;
	g_autofree char *age = vk_age_text(report->now - health->oldest / G_USEC_PER_SEC);
	g_autofree char *packs = vk_count_text(health->packs, "pack");
	g_autofree char *damaged = vk_count_text(health->damaged, "pack");

	if (health->damaged > 0)
		return g_strdup_printf("damage: in %s", damaged);
	if (health->unread == health->packs)
		return g_strdup("read back: never");
	if (health->unread == 0)
		return g_strdup_printf("read back: all within %s", age);
	return g_strdup_printf("read back: %u of %s never, the others within %s", health->unread,
			       packs, age);
}

char **vk_report_vault_lines(const VkReport *report)
{
	g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
	g_autofree char *room = room_line(report);
	g_autofree char *growth = growth_line(report);
	g_autofree char *check = check_line(report, "last check", &report->check);
	g_autofree char *read = read_line(report);

	g_strv_builder_add(lines, room);
	if (report->has_space)
		g_strv_builder_add(lines, growth);
	g_strv_builder_add(lines, check);
	g_strv_builder_add(lines, read);
	return g_strv_builder_end(lines);
}

static char *array_line(const VkReplication *replication)
{
	g_autofree char *lag = vk_age_text(replication->lag);

	if (!replication->destination)
		return g_strdup_printf("%s, %s: %s", replication->array, replication->source,
				       replication->reason ? replication->reason
							   : "not replicated");
	return g_strdup_printf(
		"%s, %s: to %s, %s%s%s", replication->array, replication->source,
		replication->destination, replication->is_healthy ? "healthy" : "not healthy",
		replication->lag < 0 ? "" : ", behind by ", replication->lag < 0 ? "" : lag);
}

char **vk_report_array_lines(const VkReport *report)
{
	g_autoptr(GStrvBuilder) lines = g_strv_builder_new();

	for (guint i = 0; report->replications && i < report->replications->len; i++) {
		g_autofree char *line = array_line(g_ptr_array_index(report->replications, i));

		g_strv_builder_add(lines, line);
	}
	return g_strv_builder_end(lines);
}

static void print_lines(char *const *lines, FILE *out)
{
	for (; *lines; lines++)
		vk_print_line(out, "  %s", *lines);
}

static void print_needs(const VkReport *report, FILE *out)
{
	if (report->needs->len == 0) {
		vk_print_line(out, "Nothing needs a hand.");
		return;
	}
	vk_print_line(out, "What needs a hand:");
	for (guint i = 0; i < report->needs->len; i++) {
		const VkNeed *need = g_ptr_array_index(report->needs, i);

		vk_print_line(out, "  %s %s", need->level == VK_NEED_NOW ? "!!" : "- ", need->text);
	}
}

static void add_row(VkTable *table, const VkReport *report, const VkReportGuest *guest)
{
	g_autofree char *when = guest->time ? vk_when_local(guest->time) : g_strdup("never");
	g_autofree char *age = guest->time ? vk_age_text(guest->age_sec) : g_strdup("-");
	g_autofree char *count = g_strdup_printf("%u", guest->snapshots);
	g_autofree char *stored = report->has_space
					  ? vk_size_text(guest->space.unique + guest->space.shared)
					  : g_strdup("-");
	g_autofree char *week = report->has_space ? vk_size_text(guest->space.week) : g_strdup("-");
	g_autofree char *tested =
		guest->tested ? vk_age_text(report->now - guest->tested / G_USEC_PER_SEC)
			      : g_strdup("-");
	g_autofree char *note = vk_report_note(report, guest);

	vk_table_add(table, guest->name, guest->host ? guest->host : "-",
		     vk_saved_state_word(guest->state), when, age,
		     guest->grade ? guest->grade : "-", count, stored, week, tested, note, NULL);
}

void vk_report_print_text(const VkReport *report, FILE *out)
{
	g_autoptr(VkTable) table =
		vk_table_new("GUEST", "HOST", "STATE", "LAST SNAPSHOT", "AGE", "GRADE", "SNAPSHOTS",
			     "STORED", "7 DAYS", "BOOT TEST", "NOTE", NULL);
	g_auto(GStrv) lines = vk_report_vault_lines(report);
	g_auto(GStrv) arrays = vk_report_array_lines(report);
	g_autofree char *title = vk_report_title(report);

	vk_print_line(out, "%s", title);
	vk_print_line(out, "%s", "");
	print_needs(report, out);
	vk_print_line(out, "%s", "");
	for (guint i = 0; i < report->guests->len; i++)
		add_row(table, report, g_ptr_array_index(report->guests, i));
	if (report->guests->len > 0)
		vk_table_print_to(table, out);
	vk_print_line(out, "%s", "");
	vk_print_line(out, "Vault '%s':", report->vault);
	print_lines(lines, out);
	if (arrays[0])
		vk_print_line(out, "Arrays:");
	print_lines(arrays, out);
}
