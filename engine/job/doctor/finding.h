/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkFinding: something that is not as it should be, in a guest or around it, and what to do about
 * it. Threads: one at a time.
 */
#pragma once

#include <glib.h>

typedef struct VkFinding {
	char *guest; /* its name; NULL: it is not of a guest that exists */
	/* "busy", "job", "frozen", "paused", "checkpoint", "file", "array", "image", "lease",
	   "vault"; static */
	const char *kind;
	char *what;   /* in words */
	char *remedy; /* the command that fixes it; NULL: nothing has to be fixed */
	gboolean fixed;
} VkFinding;

void vk_finding_free(VkFinding *finding);

/* Adds a finding to FINDINGS (VkFinding*). Takes WHAT and REMEDY over. Borrowed. */
VkFinding *vk_finding_add(GPtrArray *findings, const char *guest, const char *kind, char *what,
			  char *remedy);

/* The remedy "virtkeep doctor --fix". New string. */
char *vk_finding_fix_command(void);

/* The doctor could not remove it because of REASON. */
void vk_finding_set_obstacle(VkFinding *finding, const char *reason);
