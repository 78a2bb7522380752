/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Releasing a guest from virtkeep: its checkpoints and bitmaps go.
 */
#pragma once

#include "doctor.h"

/*
 * Removes every checkpoint of virtkeep, of any vault, from the guest, with its bitmaps, so that
 * internal snapshots of the guest can be made and reverted. Adds what it removed to FINDINGS
 * (VkFinding*). The next backup reads the disks completely and makes another checkpoint.
 * VK_ERROR_BUSY while the guest is being backed up or restored.
 */
gboolean vk_release_guest(VkGuest *guest, const VkDoctorOptions *options, GPtrArray *findings,
			  GError **error);
