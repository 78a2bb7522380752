/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header of a pack, as it is read. Threads: free. */
#pragma once

#include "format.h"
#include "pack-context.h"

#include <glib.h>

/*
 * Whether HEADER, of OBJECT, is that of a generation of the pack ID of the vault CONTEXT.
 * VK_ERROR_DAMAGE; VK_ERROR_FAILED for one that needs a newer virtkeep.
 */
gboolean vk_pack_header_check(const VkPackHeader *header, const VkPackContext *context,
			      const VkPackId *id, const char *object, GError **error);
