/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the vault's objects bring into a VkMark of the same vault. Threads: as VkMark. */
#pragma once

#include "catalog.h"
#include "lease-list.h"
#include "mark.h"
#include "vault.h"

#include <glib.h>

/*
 * Marks what the fenced writer of LEASE may put still: a snapshot, or the copies of one that is
 * listed. Succeeds if its intent has gone.
 */
gboolean vk_mark_add_intent(VkMark *mark, VkVault *vault, const VkLeaseInfo *lease, GError **error);
