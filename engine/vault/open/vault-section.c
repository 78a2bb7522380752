/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-section.h"

#include "vault.h"

#include <string.h>

gboolean vk_vault_leads_to(const VkProgram *program, const char *url, const char *place)
{
	const char *found = url ? vk_program_find_vault(program, url, NULL) : NULL;
	g_autofree char *path = found ? vk_vault_url_place(found, NULL) : NULL;

	return path && strcmp(path, place) == 0;
}

char *vk_vault_section(const VkProgram *program, const char *url)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, VK_VAULT_SECTION);
	g_autofree char *place = vk_vault_url_place(url, NULL);

	for (char **name = names; place && *name; name++)
		if (vk_vault_leads_to(program, *name, place))
			return g_strconcat(VK_VAULT_SECTION " ", *name, NULL);
	return g_strdup(VK_VAULT_SECTION);
}

static gboolean is_known(char *const *known, const VkProgram *program, const char *name)
{
	const char *url = vk_program_find_vault(program, name, NULL);
	g_autofree char *place = url ? vk_vault_url_place(url, NULL) : NULL;

	for (; place && *known; known++)
		if (vk_vault_leads_to(program, *known, place))
			return TRUE;
	return !place;
}

char **vk_vault_all(const VkProgram *program, GError **error)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, VK_VAULT_SECTION);
	g_autoptr(GError) trouble = NULL;
	const char *own = vk_program_vault_url(program, &trouble);
	guint count = 0;
	char **all = g_new0(char *, g_strv_length(names) + 2);

	if (own)
		all[count++] = g_strdup(own);
	for (char **name = names; *name; name++)
		if (!is_known(all, program, *name))
			all[count++] = g_strdup(*name);
	if (count > 0)
		return all;
	g_free(all);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return NULL;
}

const char *vk_vault_section_name(const char *section)
{
	const char *space = strchr(section, ' ');

	return space ? space + 1 : NULL;
}
