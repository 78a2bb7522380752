/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image whose blocks are in the vault. Threads: free.
 */
#pragma once

#include "image.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * Opens the vault's copy of an image. The cost does not depend on the disk's size: only the record
 * is read. Every byte that is read later is checked. RECORD is borrowed until the free, and the
 * vault must outlive it.
 */
VkImage *vk_vault_image_open(VkVault *vault, const VkImageRecord *record, GError **error);
