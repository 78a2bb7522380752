/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of "virtkeep list". Threads: one at a time. */
#pragma once

#include "catalog.h"
#include "program.h"

#include <glib.h>

/* Which snapshots are wanted. Strings may be NULL: any. */
typedef struct VkListFilter {
	const char *guest;
	gint64 since, until; /* seconds since 1970 */
	char *host, *grade;
	gboolean forgotten; /* those that are forgotten, in place of the others */
} VkListFilter;

void vk_list_filter_clear(VkListFilter *filter);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkListFilter, vk_list_filter_clear)

/* Its key says so without a look at the object, which else need not be read. */
gboolean vk_list_is_candidate(const VkListFilter *filter, const VkSnapshotKey *key);

gboolean vk_list_is_wanted(const VkListFilter *filter, const VkSnapshotSummary *snapshot);

/* Whether the guest has the name or uuid NAME; NULL: any. */
gboolean vk_list_is_named(const VkCatalogGuest *guest, const char *name);

/* GUEST@TIME in a form that can be pasted into a shell. New string. */
char *vk_list_reference(const char *guest, const VkSnapshotKey *key);

/*
 * "list --all-vaults": each snapshot once, with the vaults that list it. VK_ERROR_PARTIAL when a
 * vault cannot be opened or a snapshot not be read: the others are listed.
 */
gboolean vk_cmd_list_vaults(VkProgram *program, const VkListFilter *filter, GError **error);
