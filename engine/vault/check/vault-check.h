/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking a vault. It reads every snapshot object and every map page, and sees that each extent's
 * pack has the slots that the extent names. With data it reads every frame that is referred to, by
 * several threads: checksum, decompression and block id; and all of these packs, if they have
 * parity. It reports errors and goes on. At the end
 * it names each disk that has damaged blocks. Threads: one caller at a time.
 */
#pragma once

#include "progress.h"
#include "vault.h"

#include <glib.h>

/* Something wrong with an image of a snapshot, or else with an object of the vault. */
typedef struct VkCheckError {
	char *snapshot; /* GUEST@TIME, with IMAGE: a disk's target or a file's name */
	char *image;
	char *object; /* NULL: it is an image's, or WHAT alone names it */
	char *what;
} VkCheckError;

/* One line for people, which says where and what. Returns owned. */
char *vk_check_error_text(const VkCheckError *error);

typedef struct VkCheckResult {
	guint64 snapshots;
	guint64 packs;
	guint64 blocks;    /* with data: how many are intact */
	guint64 bytes;     /* with data: what these take in packs */
	GPtrArray *errors; /* VkCheckError; a bounded number of them, ... */
	guint64 unlisted;  /* ... and how many more there are */
	GPtrArray *mended; /* names of packs that needed their parity: these are no errors */
} VkCheckResult;

/* How many errors there are, listed or not. */
guint64 vk_check_result_count_errors(const VkCheckResult *result);
void vk_check_result_free(VkCheckResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCheckResult, vk_check_result_free)

/*
 * Checks the snapshots of the guests UUIDS, NULL at the end, and what they refer to; NULL: all.
 * They are listed under a lease. Returns NULL only when the check itself could not run; errors are
 * in the result.
 */
VkCheckResult *vk_check_vault(VkVault *vault, const char *const *uuids, gboolean data,
			      VkProgress *progress, GError **error);
