/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch: a generation of a pack that has only some of its slots, whose frames in other
 * generations are damaged. In an encrypted vault it has keys of its own, because a nonce must not
 * meet two payloads. Threads: free.
 */
#pragma once

#include "pack-context.h"
#include "pack-id.h"
#include "store.h"

#include <glib.h>

/* A slot of kind DATA. */
typedef struct VkPatchSlot {
	guint32 slot;
	VkBlockId id;
	GBytes *content; /* borrowed: what has this id */
	guint32 block;   /* as in VkTableEntry */
	guint32 image;
} VkPatchSlot;

/*
 * Puts SLOTS (VkPatchSlot, at least one, each slot once) as a new generation of PACK, durably. The
 * content is what the pack's table says: the caller has seen that.
 */
gboolean vk_pack_patch_put(VkStore *store, const VkPackContext *context, int compression_level,
			   const VkPackId *pack, const GArray *slots, GError **error);
