/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "retention.h"

#include "errors.h"

#include <string.h>

/* The form of a SnapMirror label that ONTAP accepts. */
#define POLICY_MAX        31
#define POLICY_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* The most snapshots that an ONTAP volume can have. */
#define COUNT_MAX 1023

static void retention_free(VkRetention *retention)
{
	g_free(retention->policy);
	g_free(retention);
}

gboolean vk_policy_check(const char *policy, GError **error)
{
	gsize length = strlen(policy);

	if (length > 0 && length <= POLICY_MAX && strspn(policy, POLICY_CHARACTERS) == length)
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' cannot name a policy: it takes 1 to %d letters, digits, '.', '_' or "
		       "'-'",
		       policy, POLICY_MAX);
}

guint64 vk_retentions_count(const GPtrArray *retentions, const char *policy)
{
	for (guint i = 0; i < retentions->len; i++) {
		const VkRetention *retention = g_ptr_array_index(retentions, i);

		if (strcmp(retention->policy, policy) == 0)
			return retention->count;
	}
	return 0;
}

static gboolean add_entry(GPtrArray *retentions, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, ":", -1);
	guint64 count;

	if (g_strv_length(words) != 2 ||
	    !g_ascii_string_to_unsigned(g_strstrip(words[1]), 10, 1, COUNT_MAX, &count, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' is not of the form POLICY:NUMBER, with a number from 1 to %d; "
			       "entries are separated by ','",
			       text, COUNT_MAX);
	if (!vk_policy_check(g_strstrip(words[0]), error))
		return FALSE;
	if (vk_retentions_count(retentions, words[0]) > 0)
		return vk_fail(error, VK_ERROR_USAGE, "it names the policy '%s' twice", words[0]);
	VkRetention *retention = g_new0(VkRetention, 1);
	retention->policy = g_strdup(words[0]);
	retention->count = count;
	g_ptr_array_add(retentions, retention);
	return TRUE;
}

GPtrArray *vk_retentions_parse(const char *text, GError **error)
{
	g_autoptr(GPtrArray) retentions =
		g_ptr_array_new_with_free_func((GDestroyNotify)retention_free);
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);

	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part) && !add_entry(retentions, *part, error))
			return NULL;
	return g_steal_pointer(&retentions);
}
