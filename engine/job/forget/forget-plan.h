/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the policy forgets: planned first, shown by --dry-run, and then applied. Threads: one at a
 * time.
 */
#pragma once

#include "array.h"
#include "catalog.h"
#include "presence.h"
#include "settings.h"

#include <glib.h>

/* A snapshot, and what the policy says of it. */
typedef struct VkForgetItem {
	VkSnapshotKey *key;
	char **reasons;      /* why it is kept, in words; empty: the policy forgets it */
	gboolean is_odd;     /* it is kept because something is wrong with it */
	gboolean is_refused; /* vk_forget_apply() could not forget it */
} VkForgetItem;

typedef struct VkForgetGuest {
	char *name; /* as the vault's view has it */
	char *uuid;
	gboolean is_gone;  /* the host no longer has it */
	GPtrArray *items;  /* VkForgetItem, the oldest first */
	guint n_forgotten; /* of them */
} VkForgetGuest;

/* What a plan is made of. Borrowed. */
typedef struct VkForgetFacts {
	VkVault *vault;
	VkArrays *arrays;
	const VkSettings *settings;
	const VkPresence *presence; /* NULL: no guest counts as gone */
	/*
	 * A job with rules: only these apply, to the snapshots with its label of the guests that
	 * the host has. NULL: to each snapshot those of its job, or else of the guest; but what a
	 * job forgets after a replication is left to it.
	 */
	const char *job;
	gint64 now; /* seconds since 1970 */
} VkForgetFacts;

/*
 * Plans for the guests NAMES, or for all with NULL. Changes nothing. Returns VkForgetGuest*, owned
 * by the array, ordered by name, each once. VK_ERROR_USAGE when a policy would keep nothing,
 * VK_ERROR_NOT_FOUND for an unknown guest. Stops on vk_interrupted().
 */
GPtrArray *vk_forget_plan(const VkForgetFacts *facts, char *const *names, GError **error);

/*
 * Forgets what the plan says. A snapshot that cannot be forgotten is warned of, and the others are
 * forgotten. *RET_REFUSED counts them. Stops on vk_interrupted().
 */
gboolean vk_forget_apply(VkVault *vault, GPtrArray *plan, guint *ret_refused, GError **error);

/* Whether the plan, or its application, leaves the snapshot listed. */
gboolean vk_forget_is_kept(const VkForgetItem *item);
