/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking a vault. It reads every snapshot object and every map page, and sees that each extent's
 * pack has the slots that the extent names. With data it also reads packs back, by several threads:
 * of every block in them, whether a snapshot uses it or not, checksum, decompression and block id,
 * and all of the pack, if it has parity. Of single guests it reads only what they use. When it read
 * them stands in the vault's findings, so that a check can go on where others ended. It reports
 * errors and goes on. At the end it names for each disk the bytes that cannot be read. Threads: one
 * caller at a time.
 */
#pragma once

#include "progress.h"
#include "rate-limit.h"
#include "slot-set.h"
#include "vault.h"

#include <glib.h>

typedef struct VkCheckOptions {
	const char *const *uuids; /* the snapshots of these guests, NULL at the end; NULL: all */
	gboolean data;            /* reads packs back: */
	guint share, share_of;    /* this part of all, those that have waited for the longest; 0, 0:
				     all */
	gint64 read_before;       /* only those that were not read since then, microseconds since
				     1970; 0: all */
	VkRateLimit *limit;       /* of the reading back; nullable */
	VkProgress *progress;     /* nullable */
} VkCheckOptions;

/* Something wrong with an image of a snapshot, or else with an object of the vault. */
typedef struct VkCheckError {
	char *snapshot; /* GUEST@TIME, with IMAGE: a disk's target or a file's name */
	char *image;
	char *object;           /* NULL: it is an image's, or WHAT alone names it */
	guint64 offset, length; /* the bytes of the image that cannot be read; 0, 0: it is about
				   something else */
	VkSlots *slots;         /* the object's that are damaged; NULL: it is about something else,
				   or nobody knows */
	char *what;
} VkCheckError;

/* One line for people, which says where and what. Returns owned. */
char *vk_check_error_text(const VkCheckError *error);

typedef struct VkCheckResult {
	guint64 snapshots;
	guint64 packs;      /* that snapshots refer to */
	guint64 packs_read; /* with data: how many packs of the vault were read back */
	guint64 blocks;     /* with data: how many are intact */
	guint64 bytes;      /* with data: what these take in packs */
	GPtrArray *errors;  /* VkCheckError; a bounded number of them, ... */
	guint64 unlisted;   /* ... and how many more there are */
	GPtrArray *mended;  /* names of damaged packs whose content is still there, by their parity
			       or in another generation: these are no errors */
} VkCheckResult;

/* How many errors there are, listed or not. */
guint64 vk_check_result_count_errors(const VkCheckResult *result);
void vk_check_result_free(VkCheckResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCheckResult, vk_check_result_free)

/*
 * Checks snapshots and what they refer to. They are listed under a lease. Returns NULL only when
 * the check itself could not run or was interrupted; errors are in the result. What it found out
 * about packs is noted in the vault in any case, if that can be written.
 */
VkCheckResult *vk_check_vault(VkVault *vault, const VkCheckOptions *options, GError **error);
