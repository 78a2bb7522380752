/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRun: where the pages of a sorted run of extents lie. An image of a snapshot is a list of runs.
 * The extents are in the pages, see format.h. Threads: free, unless one thread changes it.
 */
#pragma once

#include "format.h"

#include <glib.h>

/* Consecutive map pages in one pack, behind a directory slot. */
typedef struct VkSegment {
	VkPackId pack;
	guint32 slot;  /* of the directory; the pages follow it */
	guint32 pages; /* 1 .. VK_SEGMENT_PAGES_MAX */
	guint32 first_block;
	guint32 last_block;
} VkSegment;

typedef struct VkRun {
	guint64 extents;
	GArray *segments;    /* VkSegment, ascending */
	guint64 data_blocks; /* that it names; not stored: G_MAXUINT64 unless just written */
} VkRun;

VkRun *vk_run_new(void);
VkRun *vk_run_copy(const VkRun *run);
void vk_run_free(VkRun *run); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkRun, vk_run_free)

/* The runs of an image, none at first: VkRun*, owned by the array. */
GPtrArray *vk_runs_new(void);
