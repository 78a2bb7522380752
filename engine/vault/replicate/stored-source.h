/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkStoredSource: a VkSource of an image of a vault, to be saved into another one. Each block that
 * is read is compared with its id. Memory: a few MiB for each reader.
 */
#pragma once

#include "session.h"
#include "snapshot.h"
#include "source.h"
#include "vault.h"

#include <glib.h>

/*
 * BASE (nullable): an earlier image of that size, of which the vault TO has the same: only what is
 * different from it is read. All are borrowed until the free.
 */
VkSource *vk_stored_source_new(VkVault *from, const VkImageRecord *image,
			       const VkImageRecord *base);

/* What such sources of FROM tell a session of TO. Static. */
const VkStoredCalls *vk_stored_source_calls(const VkVault *from, const VkVault *to);
