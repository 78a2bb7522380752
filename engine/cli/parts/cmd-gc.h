/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "virtkeep gc" and "virtkeep forget --gc" share. Threads: one at a time. */
#pragma once

#include "collect.h"
#include "program.h"

#include <glib.h>
#include <jansson.h>

typedef struct VkGcReport {
	VkCollectResult result;
	gboolean dry_run;
	guint left_on_arrays; /* removed snapshots of which arrays keep copies */
	gint64 usec;          /* how long it took */
	VkVault *vault;       /* borrowed */
} VkGcReport;

/*
 * Collects as HOW says, with a progress line, and removes what removed snapshots have on arrays:
 * the calls in HOW are set here. REPORT says what was done, also on failure. Errors as of
 * vk_collect(); VK_ERROR_PARTIAL when arrays keep copies.
 */
gboolean vk_gc_run(const VkProgram *program, VkVault *vault, const VkCollectOptions *how,
		   VkGcReport *report, GError **error);

/* Whether anything was done. */
gboolean vk_gc_did_anything(const VkGcReport *report);

/* With who keeps what is left: see keeper.h. */
void vk_gc_print(const VkGcReport *report);
json_t *vk_gc_to_json(const VkGcReport *report); /* new reference */
