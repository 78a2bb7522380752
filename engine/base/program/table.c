/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "table.h"

#include "text.h"

#include <string.h>

struct VkTable {
	GPtrArray *rows; /* GStrv, all of one length; the first is the heading */
	guint columns;
};

/* The cells from CELL on. */
static char **new_row(const char *cell, va_list args)
{
	GPtrArray *row = g_ptr_array_new();

	for (; cell; cell = va_arg(args, const char *))
		g_ptr_array_add(row, vk_printable(cell));
	g_ptr_array_add(row, NULL);
	return (char **)g_ptr_array_free(row, FALSE);
}

VkTable *vk_table_new(const char *first, ...)
{
	VkTable *table = g_new0(VkTable, 1);
	char **row;
	va_list args;

	va_start(args, first);
	row = new_row(first, args);
	va_end(args);
	table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
	table->columns = g_strv_length(row);
	g_ptr_array_add(table->rows, row);
	return table;
}

void vk_table_add(VkTable *table, const char *first, ...)
{
	char **row;
	va_list args;

	va_start(args, first);
	row = new_row(first, args);
	va_end(args);
	g_assert(g_strv_length(row) == table->columns);
	g_ptr_array_add(table->rows, row);
}

static glong cell_width(const VkTable *table, guint row, guint column)
{
	char **cells = g_ptr_array_index(table->rows, row);

	return g_utf8_strlen(cells[column], -1);
}

/* "12", "1.5 GiB", "0.3 ms", "-": a digit at the start, and at most one word behind. */
static gboolean is_number_column(const VkTable *table, guint column)
{
	for (guint i = 1; i < table->rows->len; i++) {
		char **cells = g_ptr_array_index(table->rows, i);
		const char *rest = cells[column] + strspn(cells[column], "0123456789.:");

		if (strcmp(cells[column], "-") == 0)
			continue;
		if (rest == cells[column] || (*rest != '\0' && *rest != ' ') ||
		    strlen(rest) > strlen(" KiB"))
			return FALSE;
	}
	return TRUE;
}

static void append_spaces(GString *line, glong count)
{
	for (; count > 0; count--)
		g_string_append_c(line, ' ');
}

static void append_cell(GString *line, const char *cell, glong pad, gboolean right)
{
	append_spaces(line, right ? pad : 0);
	g_string_append(line, cell);
	append_spaces(line, right ? 0 : pad);
}

void vk_table_print_to(const VkTable *table, FILE *stream)
{
	g_autofree glong *widths = g_new0(glong, table->columns);
	g_autofree gboolean *right = g_new0(gboolean, table->columns);
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint column = 0; column < table->columns; column++) {
		for (guint row = 0; row < table->rows->len; row++)
			widths[column] = MAX(widths[column], cell_width(table, row, column));
		right[column] = is_number_column(table, column);
	}
	for (guint row = 0; row < table->rows->len; row++) {
		char **cells = g_ptr_array_index(table->rows, row);

		g_string_truncate(line, 0);
		for (guint column = 0; column < table->columns; column++) {
			if (column > 0)
				g_string_append(line, "  ");
			append_cell(line, cells[column],
				    widths[column] - cell_width(table, row, column), right[column]);
		}
		vk_print_line(stream, "%s", g_strchomp(line->str));
	}
}

void vk_table_print(const VkTable *table)
{
	vk_table_print_to(table, stdout);
}

void vk_table_free(VkTable *table)
{
	if (!table)
		return;
	g_ptr_array_unref(table->rows);
	g_free(table);
}

char *vk_size_text(guint64 bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	gdouble value = (gdouble)bytes;
	guint unit = 0;

	while (value >= 1023.95 && unit + 1 < G_N_ELEMENTS(units)) {
		value /= 1024;
		unit++;
	}
	return g_strdup_printf("%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
}

char *vk_pause_text(guint64 usec)
{
	if (usec == 0)
		return g_strdup("-");
	return g_strdup_printf("%.1f ms", (gdouble)usec / 1000);
}

char *vk_duration_text(guint64 usec)
{
	guint64 seconds = (usec + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC;

	if (usec == 0)
		return g_strdup("-");
	if (seconds < 60)
		return g_strdup_printf("%.1f s", (gdouble)usec / G_USEC_PER_SEC);
	if (seconds < 3600)
		return g_strdup_printf("%u:%02u min", (guint)(seconds / 60), (guint)(seconds % 60));
	return g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u h", seconds / 3600,
			       (guint)(seconds / 60 % 60), (guint)(seconds % 60));
}

char *vk_age_text(gint64 seconds)
{
	gint64 minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (seconds < 0)
		return g_strdup("-");
	if (minutes == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT " s", seconds);
	if (hours == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT " min", minutes);
	if (days == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT " h %" G_GINT64_FORMAT " min", hours,
				       minutes % 60);
	return g_strdup_printf("%" G_GINT64_FORMAT " d %" G_GINT64_FORMAT " h", days, hours % 24);
}
