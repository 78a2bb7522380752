/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSnapshotSummary: what lists show and policies ask of a snapshot, without its definition and its
 * maps. It can be packed into bytes that are cheap to read again. Immutable. Threads: free.
 */
#pragma once

#include "snapshot.h"

#include <glib.h>

typedef struct VkSnapshotSummary {
	const char *name; /* of the guest at that time */
	const char *host;
	const char *label; /* nullable */
	const char *consistency;
	const char *grade;  /* vk_snapshot_grade() */
	const char *copies; /* of its first disk: vk_image_copies_text() */
	guint64 pause_usec, duration_usec;
	guint64 disks;               /* how many */
	guint64 size, fresh, stored; /* bytes, of all disks together */
	gboolean is_whole;           /* no disk is left out */
	gboolean is_in_vault;        /* vk_snapshot_is_in_vault() */
	gboolean is_on_array;        /* vk_snapshot_is_on_array(): it may get copies in the vault */
	GBytes *packed;              /* owns the strings */
} VkSnapshotSummary;

VkSnapshotSummary *vk_snapshot_summary_new(const VkSnapshot *snapshot);

/* From VkSnapshotSummary.packed. NULL: it is something else. */
VkSnapshotSummary *vk_snapshot_summary_unpack(GBytes *packed);

void vk_snapshot_summary_free(VkSnapshotSummary *summary); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSnapshotSummary, vk_snapshot_summary_free)
