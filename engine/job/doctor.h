/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The doctor: what earlier backups left in a guest and around it, and the mending of what is ours.
 * A guest that is being backed up or restored is passed over. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "host.h"
#include "vault.h"

#include <glib.h>

typedef struct VkDoctorOptions {
	VkVault *vault; /* nullable: bitmaps are not told from strays then */
	VkArrays *arrays;
	const char *scratch_dir, *run_dir;
	guint agent_timeout_sec;
	gboolean fix;
} VkDoctorOptions;

typedef struct VkFinding {
	char *guest; /* its name; NULL: of no guest that is there */
	/* "busy", "job", "frozen", "paused", "checkpoint", "file", "array", "image"; static */
	const char *kind;
	char *what; /* in words */
	char *cure; /* the command that mends it; NULL: nothing is to be mended */
	gboolean mended;
} VkFinding;

void vk_finding_free(VkFinding *finding);

/* Adds what is found of the guest of HOST, VkFinding*, to FINDINGS. */
gboolean vk_doctor_guest(VkHost *host, VkGuest *guest, const VkDoctorOptions *options,
			 GPtrArray *findings, GError **error);

/* Adds the scratch files of guests that are not among GUESTS (VkGuest*), all of the host. */
void vk_doctor_host(const GPtrArray *guests, const VkDoctorOptions *options, GPtrArray *findings);
