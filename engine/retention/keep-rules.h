/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkKeepRules: what a policy keeps of a guest. A snapshot is kept when any rule keeps it. Threads:
 * one at a time.
 */
#pragma once

#include "duration.h"
#include "keep-period.h"
#include "settings.h"

#include <glib.h>

/* The rules that count: the newest snapshot of each of the last N periods that have one. */
typedef enum {
	VK_KEEP_LAST, /* its period is the snapshot itself */
	VK_KEEP_HOURLY,
	VK_KEEP_DAILY,
	VK_KEEP_WEEKLY,
	VK_KEEP_MONTHLY,
	VK_KEEP_YEARLY,
	VK_KEEP_COUNTS,
} VkKeepCount;

typedef struct VkKeepRules {
	guint64 counts[VK_KEEP_COUNTS]; /* how many periods; 0: the rule is off */
	guint64 min;                    /* at least so many snapshots stay */
	VkDuration within;              /* what is at most so much older than the newest */
	VkDuration gone; /* so long all of a guest that is gone are kept; zero: for ever */
	/*
	 * VkRetention: of each label the newest N, and those younger than AGE_DAYS. What has
	 * another label or none is kept. NULL: labels do not matter.
	 */
	GPtrArray *labels;
	guint64 age_days;
} VkKeepRules;

void vk_keep_rules_free(VkKeepRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkKeepRules, vk_keep_rules_free)

/* A counting rule as messages name it, "weekly", and the period that it counts. Static. */
const char *vk_keep_count_name(VkKeepCount count);
VkPeriod vk_keep_count_period(VkKeepCount count);

/*
 * The rules for copies on arrays, which count labels alone: NTAP_SNAPSHOT_RETENTIONS,
 * NTAP_SNAPSHOT_RETENTION_AGE and NTAP_SNAPSHOT_NODELETE. Without them all is kept. New.
 */
VkKeepRules *vk_keep_rules_for_arrays(const VkSettings *settings, GError **error);

/*
 * The rules of [retention], and for one guest those of its own section in place of them. NAME and
 * UUID are NULL for the rules of [retention] alone. New. VK_ERROR_USAGE when they would keep
 * nothing, or none are there.
 */
VkKeepRules *vk_keep_rules_load(const VkSettings *settings, const char *name, const char *uuid,
				GError **error);

/*
 * The rules of [job JOB] for the snapshots that it took of a guest. Only how long those of a guest
 * that is gone are kept is as above. New. VK_ERROR_USAGE when they would keep nothing.
 */
VkKeepRules *vk_keep_rules_load_job(const VkSettings *settings, const char *job, const char *name,
				    const char *uuid, GError **error);

/* Whether SECTION has any rule of its own. */
gboolean vk_keep_rules_are_in(const VkSettings *settings, const char *section);

/* The time zone that the calendar's periods are of. New reference. */
GTimeZone *vk_keep_zone(const VkSettings *settings);
