/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Releasing a guest from virtkeep: its checkpoints and bitmaps go.
 */
#pragma once

#include "doctor.h"

/*
 * Takes every checkpoint of ours, of whatever vault, out of the guest, with its bitmaps, so that
 * the guest's internal snapshots can be made and reverted. What was there is added to FINDINGS
 * (VkFinding*). The next backup reads the disks in whole and makes another. VK_ERROR_BUSY while the
 * guest is being backed up or restored.
 */
gboolean vk_release_guest(VkGuest *guest, const VkDoctorOptions *options, GPtrArray *findings,
			  GError **error);
