/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-list.h"

#include "timestamp.h"

#include <string.h>

void vk_list_filter_clear(VkListFilter *filter)
{
	g_free(filter->host);
	g_free(filter->grade);
}

gboolean vk_list_is_candidate(const VkListFilter *filter, const VkSnapshotKey *key)
{
	gint64 time;

	return key->forgotten == filter->forgotten && vk_time_parse(key->time, &time, NULL) &&
	       time >= filter->since && time <= filter->until;
}

gboolean vk_list_is_wanted(const VkListFilter *filter, const VkSnapshotSummary *snapshot)
{
	return (!filter->host || g_ascii_strcasecmp(snapshot->host, filter->host) == 0) &&
	       (!filter->grade || strcmp(snapshot->consistency, filter->grade) == 0);
}

gboolean vk_list_is_named(const VkCatalogGuest *guest, const char *name)
{
	g_autofree char *uuid = NULL;

	if (!name)
		return TRUE;
	uuid = g_ascii_strdown(name, -1);
	return strcmp(guest->name, name) == 0 || strcmp(guest->view_name, name) == 0 ||
	       strcmp(guest->uuid, uuid) == 0;
}

char *vk_list_reference(const char *guest, const VkSnapshotKey *key)
{
	char *reference = g_strdup_printf("%s@%s", guest, key->time);
	char *quoted;

	for (const char *at = reference; *at; at++) {
		if (g_ascii_isalnum(*at) || strchr("@-_.+:,%~", *at))
			continue;
		quoted = g_shell_quote(reference);
		g_free(reference);
		return quoted;
	}
	return reference;
}
