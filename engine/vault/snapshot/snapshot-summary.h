/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSnapshotSummary: what lists show of a snapshot, without its definition and its maps. It can be
 * packed into bytes that are cheap to read again. Immutable. Threads: free.
 */
#pragma once

#include "snapshot.h"

#include <glib.h>

typedef struct VkSnapshotSummary {
	const char *name; /* of the guest at that time */
	const char *host;
	const char *consistency;
	const char *grade;  /* vk_snapshot_grade() */
	const char *copies; /* of its first disk: vk_image_copies_text() */
	const char *report; /* vk_snapshot_to_report() as one line of JSON */
	guint64 pause_usec, duration_usec;
	guint64 disks;               /* how many */
	guint64 size, fresh, stored; /* bytes, of all disks together */
	gboolean may_get_copies;     /* in the vault: an array has a disk of it */
	GVariant *packed;            /* owns the strings */
} VkSnapshotSummary;

VkSnapshotSummary *vk_snapshot_summary_new(const VkSnapshot *snapshot);

/* From VkSnapshotSummary.packed. NULL: it is something else. */
VkSnapshotSummary *vk_snapshot_summary_unpack(GVariant *packed);

void vk_snapshot_summary_free(VkSnapshotSummary *summary); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSnapshotSummary, vk_snapshot_summary_free)
