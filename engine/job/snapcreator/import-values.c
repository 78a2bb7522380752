/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of an import, and what becomes of one. */
#include "import-priv.h"

#include "settings.h"

#include <string.h>

const char *vk_import_value(const VkImport *import, const char *name)
{
	const char *value = g_hash_table_lookup(import->values, name);

	return value && *value ? value : NULL;
}

gboolean vk_import_is_no(const char *value)
{
	return value && g_ascii_strcasecmp(value, "N") == 0;
}

char *vk_import_full_name(const char *key)
{
	gsize length = strlen(key);

	if (length > strlen("CMD") && g_ascii_isdigit(key[length - 1]) &&
	    strncmp(key + length - 1 - strlen("CMD"), "CMD", strlen("CMD")) == 0)
		return g_strdup_printf("%.*s0%c", (int)length - 1, key, key[length - 1]);
	return g_strdup(key);
}

void vk_import_judge(VkImportKey *key, VkImportVerdict verdict, const char *as, const char *why)
{
	g_autofree char *old_as = key->as, *old_why = key->why;

	key->verdict = verdict;
	key->as = g_strdup(as);
	key->why = g_strdup(why);
}

gboolean vk_import_put(VkImport *import, VkImportKey *key, const char *group, const char *name,
		       const char *value)
{
	g_autoptr(GError) trouble = NULL;
	g_autofree char *as = NULL;

	if (!vk_settings_check(group, name, value, &trouble)) {
		vk_import_judge(key, VK_IMPORT_UNSUPPORTED, NULL, trouble->message);
		return FALSE;
	}
	g_key_file_set_string(import->output, group, name, value);
	as = key->as ? g_strdup_printf("%s, [%s] %s", key->as, group, name)
		     : g_strdup_printf("[%s] %s", group, name);
	g_free(key->as);
	key->as = g_steal_pointer(&as);
	return TRUE;
}
