/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks of a vault, and what they found, to be compared. */
#pragma once

#include "vault-check.h"

#include <string.h>

/* Of the snapshots of the guests UUIDS; NULL: of all. */
static inline VkCheckResult *check_guests(VkVault *checked, const char *const *uuids, gboolean data,
					  GError **error)
{
	const VkCheckOptions options = {.uuids = uuids, .data = data};

	return vk_check_vault(checked, &options, error);
}

/* Whether the damage INDEX is there, and its line has TEXT. */
static inline gboolean damage_says(const VkCheckResult *result, guint index, const char *text)
{
	g_autofree char *line =
		index < result->errors->len
			? vk_check_error_text(g_ptr_array_index(result->errors, index))
			: NULL;

	return line && strstr(line, text);
}

/* The line of the first, "" if there is none. Returns owned. */
static inline char *first_damage(const VkCheckResult *result)
{
	return result->errors->len > 0 ? vk_check_error_text(g_ptr_array_index(result->errors, 0))
				       : g_strdup("");
}
