/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWhy: why a snapshot is as large as it is, or took so long: what changed on its disks since the
 * snapshot before, and what is usual for its guest. Threads: one at a time.
 */
#pragma once

#include "image-delta.h"
#include "snapshot.h"
#include "usual.h"
#include "vault.h"
#include "view.h"

#include <glib.h>

typedef struct VkWhyDisk {
	const VkDiskRecord *record; /* borrowed from the snapshot */
	gboolean is_new;            /* the snapshot before did not have it */
	gboolean is_measured;       /* both are in the vault: the following is known */
	VkImageDelta change;
} VkWhyDisk;

typedef struct VkWhy {
	VkView *view;               /* keeps the snapshot */
	VkView *view_before;        /* of the one before; NULL: it is the first */
	const VkSnapshot *snapshot; /* borrowed from the views */
	const VkSnapshot *before;   /* nullable */
	GPtrArray *disks;           /* VkWhyDisk */
	VkAmounts amounts;          /* of the snapshot */
	VkUsual usual;              /* of the snapshots before it */
	GPtrArray *findings;        /* char*, in words; none: nothing stands out */
	gboolean is_suspicious;     /* as if somebody encrypted the guest's files */
} VkWhy;

/* How many snapshots before it say what is usual. */
#define VK_WHY_SNAPSHOTS 10u

/*
 * Explains the snapshot that REFERENCE finds (vk_catalog_find()). Maps that cannot be read are a
 * warning, and that disk is not measured.
 */
VkWhy *vk_why_load(VkVault *vault, const char *reference, GError **error);
void vk_why_free(VkWhy *why);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkWhy, vk_why_free)
