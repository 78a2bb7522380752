/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "virtkeep verify" prints. Threads: one at a time. */
#pragma once

#include "vault-check.h"

#include <glib.h>
#include <jansson.h>

/* What was read. */
typedef enum {
	VK_VERIFY_SNAPSHOTS, /* and their maps */
	VK_VERIFY_DATA,      /* and packs */
	VK_VERIFY_FRAMES,    /* packs alone, without a key */
} VkVerifyLevel;

typedef struct VkVerifyReport {
	const VkCheckResult *result;
	VkVerifyLevel level;
	json_t *guests; /* borrowed: how the guests are called that were checked; empty: all */
	gint64 usec;    /* how long it took */
} VkVerifyReport;

/* On stdout, if it is QUIET only errors. */
void vk_verify_print(const VkVerifyReport *report, gboolean quiet);
json_t *vk_verify_to_json(const VkVerifyReport *report); /* new reference */
