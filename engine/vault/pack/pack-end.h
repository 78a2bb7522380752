/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a pack that is being written: its table and its trailer. Threads: free. */
#pragma once

#include "format.h"
#include "pack-context.h"
#include "parity.h"

#include <glib.h>

/*
 * What comes behind the frames of the pack with this HEADER. ENTRIES: SLOTS of them, in host byte
 * order; LIVE of them have a frame. OFFSET: where the end begins. PARITY (nullable) has got all
 * before it. Returns *RET_LENGTH bytes, to be freed.
 */
guint8 *vk_pack_end(const VkPackContext *context, const VkPackHeader *header,
		    const VkTableEntry *entries, guint32 slots, guint32 live, guint64 offset,
		    VkParity *parity, gsize *ret_length);
