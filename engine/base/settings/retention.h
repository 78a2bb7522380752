/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NTAP_SNAPSHOT_RETENTIONS in Snap Creator's form, "daily:7,weekly:4": how many snapshots of each
 * policy are kept. A policy is the label of a run. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkRetention {
	char *policy;
	guint64 count; /* at least 1 */
} VkRetention;

/* Returns VkRetention*, owned by the array, each policy once. VK_ERROR_USAGE. */
GPtrArray *vk_retentions_parse(const char *text, GError **error);

/* The number for POLICY; 0 when the text does not have it. */
guint64 vk_retentions_count(const GPtrArray *retentions, const char *policy);

/* VK_ERROR_USAGE for what cannot name a policy: 1 to 31 letters, digits, '.', '_' or '-'. */
gboolean vk_policy_check(const char *policy, GError **error);
