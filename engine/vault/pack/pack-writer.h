/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPackWriter: a pack being written into the vault as it is filled, and the one before, which
 * is made durable in the background meanwhile. Memory does not grow with packs. Threads: one at a
 * time.
 */
#pragma once

#include "store.h"
#include "format.h"
#include "pack-context.h"

#include <glib.h>

typedef struct VkPackWriter VkPackWriter;

typedef struct VkPackCalls {
	/* For each data slot of a pack that is in the vault now, so that it can be hinted at:
	   from a thread of the writer's own. */
	void (*on_slot)(gpointer user, const VkBlockId *id, const VkPackId *pack, guint32 slot);
	/* Then, from the same thread; if not OK, once a call has found that the pack is lost. */
	void (*on_done)(gpointer user, const VkPackId *pack, gboolean ok);
} VkPackCalls;

/* STORE and CONTEXT are borrowed; SESSION_ID has VK_ID_SIZE bytes. */
VkPackWriter *vk_pack_writer_new(VkStore *store, const VkPackContext *context,
				 const guint8 *session_id, const VkPackCalls *calls, gpointer user);

/* Waits for what was sent, and drops the open pack. Takes NULL. */
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

/* The open pack's id, known before it is sent. */
VkPackId vk_pack_writer_id(const VkPackWriter *writer);

/* Adds a slot to the open pack, which must have room. Returns its number. */
guint32 vk_pack_writer_append(VkPackWriter *writer, const VkNewSlot *slot);

/* The data slot with that id in the open pack or the one under way, if any. */
gboolean vk_pack_writer_find(const VkPackWriter *writer, const VkBlockId *id, VkPackId *ret_pack,
			     guint32 *ret_slot);

/*
 * Waits for the pack that was sent before; fails if that was lost, and the open pack stays open.
 * Then sends the open pack, if it holds anything, into the vault in the background, and opens the
 * next. Fails if the open pack could not be written; all in it is lost then.
 */
gboolean vk_pack_writer_send(VkPackWriter *writer, GError **error);

/*
 * Waits until the pack that was sent is in the vault: its content is durable, its name after a
 * sync. Fails if the pack was lost, with all in it.
 */
gboolean vk_pack_writer_wait(VkPackWriter *writer, GError **error);
