/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking the packs of a vault without a key: what vk_pack_scan() finds out about each, read by
 * several threads in the order of their names. A slot that one generation of a pack has lost and
 * another has is no damage. Nothing is known of snapshots, so damage is that of packs and slots,
 * also where no snapshot uses them. Nothing is written, and there is no lease: a pack that a
 * collector removes meanwhile is passed over. Threads: one caller at a time.
 */
#pragma once

#include "vault-check.h"

/* VAULT may be open from outside. Of OPTIONS it takes LIMIT and PROGRESS. NULL: as for
 * vk_check_vault(). */
VkCheckResult *vk_check_frames(VkVault *vault, const VkCheckOptions *options, GError **error);
