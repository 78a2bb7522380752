/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The doctor finds what earlier backups and restores left in a guest and around it, and removes
 * what belongs to virtkeep. It skips a guest that is being backed up or restored. Threads: one at a
 * time.
 */
#pragma once

#include "array.h"
#include "finding.h"
#include "host.h"
#include "vault.h"

#include <glib.h>

typedef struct VkDoctorOptions {
	VkVault *vault; /* nullable: leftover checkpoints are not known then */
	VkArrays *arrays;
	const char *scratch_dir, *run_dir;
	guint agent_timeout_sec;
	gboolean fix;
} VkDoctorOptions;

/* Adds what is found of the guest of HOST, VkFinding*, to FINDINGS. */
gboolean vk_doctor_guest(VkHost *host, VkGuest *guest, const VkDoctorOptions *options,
			 GPtrArray *findings, GError **error);

/* Adds the scratch files of guests that are not among GUESTS (VkGuest*), all of the host. */
void vk_doctor_host(const GPtrArray *guests, const VkDoctorOptions *options, GPtrArray *findings);

/*
 * Adds the leases in the vault, if there is one, of processes of this host that are gone, those
 * that a garbage collection took for dead, and those that cannot be read; and snapshots that the
 * vault does not show any more.
 */
gboolean vk_doctor_vault(const VkDoctorOptions *options, GPtrArray *findings, GError **error);

/*
 * Ends the lease ID in the vault, which is open for writing, because a person says that its owner
 * is gone: see vk_lease_end_by_word(). Adds it to FINDINGS. VK_ERROR_NOT_FOUND.
 */
gboolean vk_doctor_end_lease(VkVault *vault, const char *id, GPtrArray *findings, GError **error);
