/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "virtkeep check": one line and an exit status as monitoring plug-ins have them: 0 OK, 1 WARNING,
 * 2 CRITICAL, 3 UNKNOWN.
 */
#include "cmd-report.h"
#include "cmd.h"

#include "errors.h"
#include "json.h"
#include "open-vault.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define STATUS_UNKNOWN 3

/* Their parts are separated by these. New string. */
static char *plain(const char *text)
{
	return g_strdelimit(vk_printable(text), "|", '/');
}

/* The oldest last snapshot of a guest of this host that is to be saved; NULL: there is none. */
static const VkReportGuest *find_oldest(const VkReport *report)
{
	const VkReportGuest *oldest = NULL;

	for (guint i = 0; i < report->guests->len; i++) {
		const VkReportGuest *guest = g_ptr_array_index(report->guests, i);

		if ((guest->state == VK_STATE_SAVED || guest->state == VK_STATE_LATE) &&
		    vk_report_is_ours(report, guest) &&
		    (!oldest || guest->age_sec > oldest->age_sec))
			oldest = guest;
	}
	return oldest;
}

/* "web1 (3 d 2 h), db1 (never)" of the guests in trouble. New string. */
static char *late_text(const VkReport *report)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < report->guests->len; i++) {
		const VkReportGuest *guest = g_ptr_array_index(report->guests, i);
		g_autofree char *age = vk_age_text(guest->age_sec);

		if ((guest->state == VK_STATE_LATE || guest->state == VK_STATE_NEVER) &&
		    vk_report_is_ours(report, guest))
			g_string_append_printf(text, "%s%s (%s)", text->len > 0 ? ", " : "",
					       guest->name,
					       guest->state == VK_STATE_NEVER ? "never" : age);
	}
	return g_string_free(text, FALSE);
}

static guint count_bad(const VkReport *report)
{
	return vk_report_count(report, VK_STATE_LATE) + vk_report_count(report, VK_STATE_NEVER);
}

/* What the line says of guests; NULL: there is none to be saved. New string. */
static char *guests_text(const VkReport *report)
{
	guint saved = vk_report_count(report, VK_STATE_SAVED);
	guint bad = count_bad(report);
	const VkReportGuest *oldest = find_oldest(report);
	g_autofree char *age = oldest ? vk_age_text(oldest->age_sec) : NULL;
	g_autofree char *all = vk_count_text(saved + bad, "guest");
	g_autofree char *late = late_text(report);

	if (bad > 0)
		return g_strdup_printf("%u of %s not saved in time: %s", bad, all, late);
	if (!oldest)
		return NULL;
	return g_strdup_printf("%s saved, the oldest snapshot is of %s (%s)", all, oldest->name,
			       age);
}

/* Whether the first line has the worst need: it says why it is no "OK", if not by the guests. */
static gboolean begins_with_need(const VkReport *report)
{
	return count_bad(report) == 0 && report->needs->len > 0;
}

/* The first line after its status. New string. */
static char *headline(const VkReport *report)
{
	g_autofree char *guests = guests_text(report);
	const VkNeed *worst;

	if (!begins_with_need(report))
		return g_steal_pointer(&guests);
	worst = g_ptr_array_index(report->needs, 0);
	return g_strdup_printf("%s%s%s", worst->text, guests ? "; " : "", guests ? guests : "");
}

/* Label, value, warning, critical; those of other programs parse it. New string. */
static char *performance_text(const VkReport *report)
{
	const VkReportGuest *oldest = find_oldest(report);
	guint used = vk_report_used_percent(report);
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "'guests'=%u;;;0 'late'=%u;;0;0",
			       vk_report_count(report, VK_STATE_SAVED) + count_bad(report),
			       count_bad(report));
	if (oldest)
		g_string_append_printf(text,
				       " 'oldest'=%" G_GINT64_FORMAT "s;;%" G_GINT64_FORMAT ";0",
				       MAX(oldest->age_sec, 0), report->max_age_sec);
	g_string_append_printf(text, " 'stored'=%" G_GUINT64_FORMAT "B;;;0", report->usage.bytes);
	if (report->usage.has_room)
		g_string_append_printf(text, " 'used'=%u%%;90;97;0;100", used);
	g_string_append_printf(text, " 'damaged_packs'=%u;;0;0", report->health.damaged);
	return g_string_free(text, FALSE);
}

static const char *const status_words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

static void print_text(const VkReport *report)
{
	g_autofree char *line = headline(report);
	g_autofree char *line_plain = plain(line);
	g_autofree char *performance = performance_text(report);

	vk_print_line(stdout, "%s: %s | %s", status_words[vk_report_level(report)], line_plain,
		      performance);
	for (guint i = begins_with_need(report) ? 1 : 0; i < report->needs->len; i++) {
		const VkNeed *need = g_ptr_array_index(report->needs, i);
		g_autofree char *text = plain(need->text);

		vk_print_line(stdout, "%s", text);
	}
}

/* Takes NEEDS and GUESTS. */
static void print_json(int status, const char *text, json_t *needs, json_t *guests)
{
	g_autofree char *word = g_ascii_strdown(status_words[status], -1);
	g_autoptr(json_t) document =
		json_pack("{s:s, s:o, s:o, s:o}", "status", word, "text", vk_json_new_string(text),
			  "needs", needs, "guests", guests);

	vk_json_print(document);
}

static void print(const VkProgram *program, const VkReport *report)
{
	g_autofree char *line = headline(report);

	if (program->json)
		print_json((int)vk_report_level(report), line, vk_report_needs_to_json(report),
			   vk_report_guests_to_json(report));
	else
		print_text(report);
}

static gboolean check(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autofree char *max_age = NULL;
	const GOptionEntry entries[] = {
		{"max-age", 0, 0, G_OPTION_ARG_STRING, &max_age,
		 "An older last snapshot is late (default " VK_MAX_AGE_DEFAULT ")", "DURATION"},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkReport) report = NULL;
	VkReportOptions options = {0};
	char **names = NULL;

	if (!vk_cmd_parse(program, "check [GUEST...]",
			  "Says in one line whether the guests of this host, or each GUEST, are "
			  "saved, and how the\nvault is. The exit status is that of a monitoring "
			  "plug-in: 0 OK, 1 WARNING, 2 CRITICAL,\n3 UNKNOWN.",
			  entries, -1, argc, argv, &names, error) ||
	    !vk_cmd_parse_max_age(max_age, &options.max_age_sec, error))
		return FALSE;
	options.settings = program->settings;
	options.uri = vk_program_libvirt_uri(program);
	options.names = names;
	vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	report = vault ? vk_report_load(vault, &options, error) : NULL;
	if (!report)
		return FALSE;
	print(program, report);
	program->status = (int)vk_report_level(report);
	return TRUE;
}

gboolean vk_cmd_check(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *text = NULL;

	if (check(program, argc, argv, &trouble))
		return TRUE;
	/* Whoever monitors looks only there. */
	text = plain(trouble->message);
	if (program->json)
		print_json(STATUS_UNKNOWN, trouble->message, json_array(), json_array());
	else
		vk_print_line(stdout, "UNKNOWN: %s", text);
	program->status = STATUS_UNKNOWN;
	return TRUE;
}
