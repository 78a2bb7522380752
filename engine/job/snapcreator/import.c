/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-priv.h"

#include "errors.h"

#include <string.h>

static void key_free(VkImportKey *key)
{
	g_free(key->key);
	g_free(key->file);
	g_free(key->value);
	g_free(key->as);
	g_free(key->why);
	g_free(key);
}

VkImport *vk_import_new(const char *hostname)
{
	VkImport *import = g_new0(VkImport, 1);

	import->hostname = g_strdup(hostname);
	import->keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_free);
	import->counting = g_hash_table_new(g_str_hash, g_str_equal);
	import->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	import->output = g_key_file_new();
	import->to_do = g_string_new(NULL);
	return import;
}

void vk_import_free(VkImport *import)
{
	if (!import)
		return;
	g_free(import->hostname);
	g_hash_table_unref(import->counting);
	g_hash_table_unref(import->values);
	g_ptr_array_unref(import->keys);
	g_key_file_free(import->output);
	g_string_free(import->to_do, TRUE);
	g_free(import);
}

const GPtrArray *vk_import_keys(const VkImport *import)
{
	return import->keys;
}

/* ---- reading ---- */

/* A key that was there before counts, unless it is of the same file: then the later one does. */
static void add_key(VkImport *import, VkImportKey *key, const char *value)
{
	VkImportKey *other = g_hash_table_lookup(import->counting, key->key);
	g_autofree char *why = NULL;

	g_ptr_array_add(import->keys, key);
	if (import->files > 0 && vk_import_is_no(vk_import_value(import, "USE_GLOBAL_CONFIG"))) {
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "USE_GLOBAL_CONFIG is N");
		return;
	}
	if (other && strcmp(other->file, key->file) != 0) {
		why = g_strdup_printf("'%s' comes first", other->file);
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, why);
		return;
	}
	if (other) {
		why = g_strdup_printf("line %u sets it again", key->line);
		vk_import_judge(other, VK_IMPORT_NOT_NEEDED, NULL, why);
	}
	g_hash_table_insert(import->counting, key->key, key);
	g_hash_table_insert(import->values, g_strdup(key->key), g_strdup(value));
}

/* One line at a time, because GKeyFile does not say which line is broken. */
static gboolean add_line(VkImport *import, const char *name, guint number, const char *line,
			 GError **error)
{
	g_autofree char *text = g_strdup_printf("[s]\n%s\n", line);
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) names = NULL;
	g_autofree char *value = NULL;
	VkImportKey *key;
	const VkImportRow *row;

	if (g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL))
		names = g_key_file_get_keys(file, "s", NULL, NULL);
	if (!names || !names[0] ||
	    names[0][strspn(names[0], G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_")] != '\0')
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s', line %u: not of the form KEY=VALUE, nor a comment with '#'",
			       name, number);
	value = g_key_file_get_value(file, "s", names[0], NULL);
	row = vk_import_find_row(names[0]);
	key = g_new0(VkImportKey, 1);
	key->key = g_strdup(names[0]);
	key->file = g_strdup(name);
	key->line = number;
	/* So may be what is not known. */
	key->value = row && !row->is_secret ? g_strdup(value) : NULL;
	add_key(import, key, value);
	return TRUE;
}

/* A line that ends with a backslash goes on in the next one. */
static gboolean add_lines(VkImport *import, const char *name, char **lines, GError **error)
{
	g_autoptr(GString) whole = g_string_new(NULL);
	guint first = 0;

	for (guint i = 0; lines[i]; i++) {
		const char *line = g_strstrip(lines[i]);

		if (whole->len == 0)
			first = i + 1;
		g_string_append(whole, line);
		if (*whole->str != '#' && g_str_has_suffix(whole->str, "\\") && lines[i + 1]) {
			g_string_truncate(whole, whole->len - 1);
			continue;
		}
		if (whole->len > 0 && *whole->str != '#' &&
		    !add_line(import, name, first, whole->str, error))
			return FALSE;
		g_string_truncate(whole, 0);
	}
	return TRUE;
}

static guint line_of(const char *text, const char *at)
{
	guint line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

gboolean vk_import_add(VkImport *import, const char *name, const char *text, gsize length,
		       GError **error)
{
	g_autofree char *copy = NULL;
	g_auto(GStrv) lines = NULL;
	const char *end;

	if (!g_utf8_validate_len(text, length, &end))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s', line %u: not UTF-8 text; iconv(1) converts it", name,
			       line_of(text, end));
	copy = g_strndup(text, length);
	lines = g_strsplit(g_str_has_prefix(copy, "\xef\xbb\xbf") ? copy + 3 : copy, "\n", -1);
	if (!add_lines(import, name, lines, error))
		return FALSE;
	import->files++;
	return TRUE;
}

/* ---- judging ---- */

static void judge(VkImport *import, VkImportKey *key)
{
	const VkImportRow *row = vk_import_find_row(key->key);
	const char *value = vk_import_value(import, key->key);

	if (!value)
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "it has no value");
	else if (!row)
		vk_import_judge(key, VK_IMPORT_UNKNOWN, NULL, "no key of Snap Creator 4.3");
	else if (row->off && g_ascii_strcasecmp(row->off, value) == 0)
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "virtkeep does the same");
	else if (row->convert)
		row->convert(import, row, key, value);
	else
		vk_import_judge(key, row->verdict, NULL, row->why);
}

static const char heading[] = " Made by \"virtkeep config import\".\n Still to be done:\n"
			      " - name a vault: [vault] url = dir:/PATH\n";

char *vk_import_finish(VkImport *import)
{
	for (guint i = 0; i < import->keys->len; i++) {
		VkImportKey *key = g_ptr_array_index(import->keys, i);

		if (g_hash_table_lookup(import->counting, key->key) == key)
			judge(import, key);
	}
	g_string_prepend(import->to_do, heading);
	g_string_truncate(import->to_do, import->to_do->len - 1);
	g_key_file_set_comment(import->output, NULL, NULL, import->to_do->str, NULL);
	return g_key_file_to_data(import->output, NULL, NULL);
}

/* ---- telling ---- */

const char *vk_import_verdict_name(VkImportVerdict verdict)
{
	static const char *const names[] = {
		[VK_IMPORT_TAKEN] = "taken",
		[VK_IMPORT_NOT_NEEDED] = "not needed",
		[VK_IMPORT_UNSUPPORTED] = "unsupported",
		[VK_IMPORT_UNKNOWN] = "unknown",
	};

	return names[verdict];
}

guint vk_import_count_open(const VkImport *import)
{
	guint count = 0;

	for (guint i = 0; i < import->keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(import->keys, i);

		count += key->verdict == VK_IMPORT_UNSUPPORTED || key->verdict == VK_IMPORT_UNKNOWN;
	}
	return count;
}

json_t *vk_import_to_json(const VkImport *import, const char *configuration)
{
	json_t *keys = json_array();

	for (guint i = 0; i < import->keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(import->keys, i);

		json_array_append_new(keys, json_pack("{s:o, s:o, s:i, s:o, s:s, s:o, s:o}", "key",
						      vk_json_new_string(key->key), "file",
						      vk_json_new_string(key->file), "line",
						      (int)key->line, "value",
						      vk_json_new_string(key->value), "verdict",
						      vk_import_verdict_name(key->verdict), "as",
						      vk_json_new_string(key->as), "why",
						      vk_json_new_string(key->why)));
	}
	return json_pack("{s:o, s:o}", "configuration", vk_json_new_string(configuration), "keys",
			 keys);
}
