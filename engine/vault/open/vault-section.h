/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which section of the configuration says how to get at a vault: the section [vault NAME] whose url
 * leads to it, or else [vault]. Threads: free.
 */
#pragma once

#include "program.h"

#include <glib.h>

#define VK_VAULT_SECTION "vault"

/* Whether URL (nullable), or what it names, leads to PLACE, as of vk_vault_url_place(). */
gboolean vk_vault_leads_to(const VkProgram *program, const char *url, const char *place);

/* The section of the vault at URL: "vault" or "vault NAME". New string. */
char *vk_vault_section(const VkProgram *program, const char *url);

/*
 * All vaults that the program knows, to be opened by vk_open_vault(): first its own one, by its
 * URL, then those of other places, by the NAMEs of their sections. g_strfreev(). VK_ERROR_USAGE:
 * none.
 */
char **vk_vault_all(const VkProgram *program, GError **error);

/* NAME of such a section; NULL for [vault]. Borrowed. */
const char *vk_vault_section_name(const char *section);
