/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackWriter: a pack being filled in memory, put into the vault when it is full. It can find the
 * blocks that its open pack holds already. Threads: one at a time.
 */
#pragma once

#include "backend.h"
#include "format.h"

#include <glib.h>

typedef struct VkPackWriter VkPackWriter;

/* Called for each data slot of a pack that was put, so that it can be hinted at. */
typedef void (*VkPackSlotFunc)(gpointer user, const VkBlockId *id, const VkPackId *pack,
			       guint32 slot);

/* BACKEND is borrowed; VAULT_ID and SESSION_ID have VK_ID_SIZE bytes. */
VkPackWriter *vk_pack_writer_new(VkBackend *backend, const guint8 *vault_id,
				 const guint8 *session_id, VkPackSlotFunc on_slot, gpointer user);

/* Drops the open pack. Takes NULL. */
void vk_pack_writer_free(VkPackWriter *writer);

/* What to append: BYTES are the stored form, ID and LENGTH are of the decoded block. */
typedef struct VkNewSlot {
	VkBlockId id;
	const void *bytes;
	gsize stored_length;
	gsize length;
	guint8 compression;
	guint8 kind;
	guint32 block; /* for salvage, as in VkTableEntry */
	guint32 image;
} VkNewSlot;

/* TRUE if SLOTS slots of BYTES payload in all fit into the open pack. */
gboolean vk_pack_writer_has_room(const VkPackWriter *writer, guint slots, gsize bytes);

/* The open pack's id, known before it is put. */
VkPackId vk_pack_writer_id(const VkPackWriter *writer);

/* Adds a slot to the open pack, which must have room. Returns its number. */
guint32 vk_pack_writer_append(VkPackWriter *writer, const VkNewSlot *slot);

/* The data slot of the open pack with that id, if any. */
gboolean vk_pack_writer_find(const VkPackWriter *writer, const VkBlockId *id, guint32 *ret_slot);

/*
 * Puts the open pack, if it holds anything, and opens the next. On failure the pack is lost with
 * everything in it, and the next is open.
 */
gboolean vk_pack_writer_finish(VkPackWriter *writer, GError **error);
