/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as one page of HTML: no scripts, nothing to fetch. All text goes through add(), which
 * escapes it.
 */
#include "cmd-report.h"

#include "table.h"
#include "text.h"
#include "when.h"

static const char style[] =
	":root{color-scheme:light dark}"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em}"
	"h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.6em}"
	"table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;padding:.35em .7em;border-bottom:1px solid #8885;vertical-align:top}"
	"th{font-weight:600}td.n{text-align:right;white-space:nowrap}"
	".now,.late,.never{color:#c01c28;font-weight:600}.soon{color:#986a00}.saved{color:#26783f}"
	".gone,.left{opacity:.65}footer{opacity:.65;margin-top:2em;font-size:.9em}";

/* Adds an element with TEXT, escaped, and a CLASS of ours. */
static void add(GString *page, const char *element, const char *class, const char *text)
{
	g_autofree char *printable = vk_printable(text);
	g_autofree char *escaped = g_markup_escape_text(printable, -1);

	g_string_append_printf(page, "<%s%s%s%s>%s</%s>\n", element, *class ? " class=\"" : "",
			       class, *class ? "\"" : "", escaped, element);
}

static const char *class_of(VkSavedState state)
{
	static const char *const classes[] = {
		[VK_STATE_SAVED] = "saved",   [VK_STATE_LATE] = "late", [VK_STATE_NEVER] = "never",
		[VK_STATE_LEFT_OUT] = "left", [VK_STATE_GONE] = "gone",
	};

	return classes[state];
}

static void add_needs(GString *page, const VkReport *report)
{
	add(page, "h2", "", "What needs a hand");
	if (report->needs->len == 0) {
		add(page, "p", "saved", "Nothing needs a hand.");
		return;
	}
	g_string_append(page, "<ul>\n");
	for (guint i = 0; i < report->needs->len; i++) {
		const VkNeed *need = g_ptr_array_index(report->needs, i);

		add(page, "li", need->level == VK_NEED_NOW ? "now" : "soon", need->text);
	}
	g_string_append(page, "</ul>\n");
}

static void add_row(GString *page, const VkReport *report, const VkReportGuest *guest)
{
	g_autofree char *when = guest->time ? vk_when_local(guest->time) : g_strdup("never");
	g_autofree char *age = guest->time ? vk_age_text(guest->age_sec) : g_strdup("-");
	g_autofree char *count = g_strdup_printf("%u", guest->snapshots);
	g_autofree char *stored = vk_size_text(guest->space.unique + guest->space.shared);
	g_autofree char *week = vk_size_text(guest->space.week);
	g_autofree char *tested =
		guest->tested ? vk_age_text(report->now - guest->tested / G_USEC_PER_SEC)
			      : g_strdup("-");
	g_autofree char *note = vk_report_note(report, guest);

	g_string_append(page, "<tr>\n");
	add(page, "td", "", guest->name);
	add(page, "td", "", guest->host ? guest->host : "-");
	add(page, "td", class_of(guest->state), vk_saved_state_word(guest->state));
	add(page, "td", "", when);
	add(page, "td", "n", age);
	add(page, "td", "", guest->grade ? guest->grade : "-");
	add(page, "td", "n", count);
	add(page, "td", "n", report->has_space ? stored : "-");
	add(page, "td", "n", report->has_space ? week : "-");
	add(page, "td", "n", tested);
	add(page, "td", "", note);
	g_string_append(page, "</tr>\n");
}

static void add_guests(GString *page, const VkReport *report)
{
	static const char *const headings[] = {"Guest",  "Host",      "State",     "Last snapshot",
					       "Age",    "Grade",     "Snapshots", "Stored",
					       "7 days", "Boot test", "Note"};

	add(page, "h2", "", "Guests");
	g_string_append(page, "<table>\n<tr>\n");
	for (gsize i = 0; i < G_N_ELEMENTS(headings); i++)
		add(page, "th", "", headings[i]);
	g_string_append(page, "</tr>\n");
	for (guint i = 0; i < report->guests->len; i++)
		add_row(page, report, g_ptr_array_index(report->guests, i));
	g_string_append(page, "</table>\n");
}

static void add_list(GString *page, const char *heading, char *const *lines)
{
	if (!*lines)
		return;
	add(page, "h2", "", heading);
	g_string_append(page, "<ul>\n");
	for (; *lines; lines++)
		add(page, "li", "", *lines);
	g_string_append(page, "</ul>\n");
}

static void add_rest(GString *page, const VkReport *report)
{
	g_autofree char *heading = g_strdup_printf("Vault %s", report->vault);
	g_auto(GStrv) lines = vk_report_vault_lines(report);
	g_auto(GStrv) arrays = vk_report_array_lines(report);

	add_list(page, heading, lines);
	add_list(page, "Arrays", arrays);
}

char *vk_report_to_html(const VkReport *report)
{
	GString *page = g_string_new("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
				     "<meta charset=\"utf-8\">\n"
				     "<meta name=\"viewport\" content=\"width=device-width\">\n");
	g_autofree char *title = vk_report_title(report);
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(report->now);
	g_autofree char *made =
		g_date_time_format(now, "virtkeep " VK_VERSION ", %Y-%m-%d %H:%M %z");

	add(page, "title", "", title);
	g_string_append_printf(page, "<style>%s</style>\n</head>\n<body>\n", style);
	add(page, "h1", "", title);
	add_needs(page, report);
	add_guests(page, report);
	add_rest(page, report);
	add(page, "footer", "", made);
	g_string_append(page, "</body>\n</html>\n");
	return g_string_free(page, FALSE);
}
