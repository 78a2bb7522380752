/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkParity: the parity of a pack, made while the pack is written. The pack is cut into data shards
 * of one size, so that there are at most VK_PARITY_DATA_GOAL of them; the last may be shorter.
 * Behind it are two parity shards, between two copies of the end: format.h has the layout. Memory:
 * 680 KiB. Threads: one at a time.
 */
#pragma once

#include "format.h"
#include "pack-context.h"

#include <glib.h>

typedef struct VkParity VkParity;

/* Of the pack ID. */
VkParity *vk_parity_new(const VkPackContext *context, const VkPackId *id);
void vk_parity_free(VkParity *parity); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkParity, vk_parity_free)

/* The next bytes of the pack, in any portions, from its header to the end of its table. */
void vk_parity_add(VkParity *parity, const void *bytes, gsize length);

/*
 * Appends to END what comes behind the table, up to the end of the pack. Fills in what TRAILER says
 * of parity and its checksum. A pack that is too large to be read gets no parity, but its trailer.
 */
void vk_parity_finish(VkParity *parity, VkPackTrailer *trailer, GByteArray *end);

/* How many bytes a pack of LENGTH bytes, without trailer, has with parity and trailer. */
guint64 vk_parity_total(guint64 length);
