/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snapshot that the next backup of a guest builds on.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/*
 * The snapshot of the guest UUID that the next one builds on: the newest in the vault that can be
 * read. A snapshot by an array has no bitmap; a slightly older one with a bitmap is better. *RET is
 * NULL when there is none. Warns of each that cannot be read. Stops on vk_interrupted().
 */
gboolean vk_last_snapshot_load(VkVault *vault, const char *uuid, VkSnapshot **ret, GError **error);
