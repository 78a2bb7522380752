/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How keys that stay keys become settings. */
#include "import-priv.h"

#include "retention.h"
#include "settings.h"

#include <string.h>

void vk_import_convert_plain(VkImport *import, const VkImportRow *row, VkImportKey *key,
			     const char *value)
{
	gboolean is_host = strcmp(row->group, "host") == 0;
	g_autofree char *host = g_strdup_printf("host %s", import->hostname);
	g_autofree char *upper = g_ascii_strup(value, -1);
	gboolean is_yes_no = g_str_equal(upper, "Y") || g_str_equal(upper, "N");

	if (vk_import_put(import, key, is_host ? host : row->group, row->as ? row->as : row->name,
			  is_yes_no ? upper : value))
		vk_import_judge(key, VK_IMPORT_TAKEN, key->as, row->why);
}

/* Y is larger than N. */
static gboolean is_larger(const char *one, const char *other)
{
	guint64 left = g_ascii_strtoull(one, NULL, 10), right = g_ascii_strtoull(other, NULL, 10);

	return left != right ? left > right : strcmp(one, other) > 0;
}

void vk_import_convert_larger(VkImport *import, const VkImportRow *row, VkImportKey *key,
			      const char *value)
{
	const char *name = row->as ? row->as : row->name;
	g_autofree char *before = g_key_file_get_string(import->output, row->group, name, NULL);
	g_autofree char *taken = NULL;

	vk_import_convert_plain(import, row, key, value);
	taken = g_key_file_get_string(import->output, row->group, name, NULL);
	if (before && is_larger(before, taken))
		g_key_file_set_string(import->output, row->group, name, before);
}

void vk_import_convert_hook(VkImport *import, const VkImportRow *row, VkImportKey *key,
			    const char *value)
{
	static const char *const variables[] = {"%SNAP_TYPE",   "%SNAP_TIME",   "%SNAPNAME",
						"%SNAME",       "%ACTION",      "%MSG",
						"%SUCCESS_MSG", "%USER_DEFINED"};
	g_autofree char *full = vk_import_full_name(key->key);
	g_autofree char *name = NULL, *why = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
		if (!strstr(value, variables[i]))
			continue;
		why = g_strdup_printf("nothing replaces %s: write it into [hooks] with the "
				      "VIRTKEEP_... variables of virtkeep(1)",
				      variables[i]);
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL, why);
		return;
	}
	name = row->as ? g_strconcat(row->as, full + strlen(row->name) - strlen("nn"), NULL)
		       : g_strdup(full);
	if (g_key_file_has_key(import->output, row->group, name, NULL))
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL,
				"another command already has this number: change it");
	else if (vk_import_put(import, key, row->group, name, value))
		vk_import_judge(key, VK_IMPORT_TAKEN, key->as, row->why);
}

/* One policy is that of every run. */
void vk_import_convert_retentions(VkImport *import, const VkImportRow *row, VkImportKey *key,
				  const char *value)
{
	g_autoptr(GPtrArray) retentions = vk_retentions_parse(value, NULL);

	if (!vk_import_put(import, key, row->group, row->name, value))
		return;
	if (retentions->len == 1) {
		const VkRetention *only = g_ptr_array_index(retentions, 0);

		vk_import_put(import, key, "backup", "label", only->policy);
	}
	vk_import_judge(key, VK_IMPORT_TAKEN, key->as,
			retentions->len == 1 ? NULL
					     : "'backup --label POLICY' names the policy of a run, "
					       "as --policy did");
}

/* Separated by commas there; here names may have spaces. */
void vk_import_convert_list(VkImport *import, const VkImportRow *row, VkImportKey *key,
			    const char *value)
{
	g_auto(GStrv) words = g_strsplit_set(value, ",;", -1);
	g_autoptr(GString) list = g_string_new(NULL);

	for (char **word = words; *word; word++)
		if (*g_strstrip(*word))
			g_string_append_printf(list, "%s;", *word);
	if (vk_import_put(import, key, row->group, row->name, list->str))
		vk_import_judge(key, VK_IMPORT_TAKEN, key->as, row->why);
}

void vk_import_convert_global(VkImport *import, const VkImportRow *row, VkImportKey *key,
			      const char *value)
{
	if (import->files > 1 || vk_import_is_no(value))
		vk_import_judge(key, VK_IMPORT_NOT_NEEDED, NULL, "--global names the files");
	else
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL,
				"the global files are missing: name them with --global");
}
