/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SparsePack: packs of a vault that are not encrypted, without the data: their tables and their map
 * pages are true, where a block of data would be is a hole of the file. Failures end the program.
 * One for each thread.
 */
#pragma once

#include "vault.h"
#include "format.h"

#include <glib.h>

typedef struct SparsePack SparsePack;

/* VAULT, a directory, is borrowed. SEED: the ids of the blocks come from it. */
SparsePack *sparse_pack_new(VkVault *vault, guint64 seed);
void sparse_pack_free(SparsePack *pack); /* it has been finished */

/* At most COUNT blocks of data, which do not compress. Returns how many have room: at least one. */
guint32 sparse_pack_add_data(SparsePack *pack, guint32 count, VkPackId *ret_pack,
			     guint32 *ret_slot);

/* A map's directory and its pages, GBytes, into consecutive slots. */
void sparse_pack_add_segment(SparsePack *pack, const GPtrArray *slots, VkPackId *ret_pack,
			     guint32 *ret_slot);

/* Writes the end of the pack that is open, if any. */
void sparse_pack_finish(SparsePack *pack);

/* What all packs have been in all: bytes with the holes. */
guint64 sparse_pack_total(const SparsePack *pack);
