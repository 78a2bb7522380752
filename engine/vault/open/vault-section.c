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

const char *vk_vault_section_name(const char *section)
{
	const char *space = strchr(section, ' ');

	return space ? space + 1 : NULL;
}
