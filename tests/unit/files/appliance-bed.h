/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A vault with a snapshot whose appliance is made up: it answers all that it is asked as the test
 * wants. It stands in for appliance.h. Threads: one at a time.
 */
#pragma once

#include "vault.h"

#include <glib.h>

/* What the test wants, and what it can look at. */
typedef struct ApplianceBed {
	char *directory; /* of the vault, and for run files */
	VkVault *vault;
	const char *reference; /* of the snapshot */
	guint32 failure;       /* the code of VK_MESSAGE_FAILED; 0: VK_MESSAGE_DONE */
	gboolean dies;         /* instead of an answer */
	gboolean refuses;      /* to start */
	gint trouble;          /* VkErrorCode of the disks, until the next one starts; 0: none */
	guint starts, questions;
	guint64 memory; /* bytes that the last one was given */
} ApplianceBed;

extern ApplianceBed appliance_bed;

void appliance_bed_set_up(void);
void appliance_bed_tear_down(void);
