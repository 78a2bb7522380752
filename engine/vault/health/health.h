/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHealth: what checks have found out about the packs of a vault: when each was last read back,
 * and which of its slots are damaged. It lies in small objects below checks/. It is about objects
 * that never change: damage is in one generation of a pack, and goes with it; a reading is of all
 * generations that the pack had, and goes when the pack has others. It may be lost: then packs are
 * read once more. Hosts that work at once add up what they find out.
 *
 * OBJECTS are the generations of a pack: see vk_pack_generations(), and at least one.
 *
 * Times are microseconds since 1970. The read time is when the reading of that pack began. Threads:
 * one caller at a time.
 */
#pragma once

#include "slot-set.h"
#include "vault.h"

#include <glib.h>

typedef struct VkHealth VkHealth;

/*
 * What the objects of VAULT say, which is borrowed. What is damaged, of another vault or from the
 * future is left out. Fails if they cannot be listed.
 */
VkHealth *vk_health_load(VkVault *vault, GError **error);
void vk_health_free(VkHealth *health); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHealth, vk_health_free)

/* When OBJECTS were last read back; 0: never. */
gint64 vk_health_read_time(const VkHealth *health, const GPtrArray *objects);

/* Of the packs that are there now. */
typedef struct VkHealthSummary {
	guint packs;
	guint unread;  /* of these: never read back */
	gint64 oldest; /* when the one was read back that has waited for the longest; 0: none was */
	guint damaged; /* packs with slots that cannot be read, also missing ones */
} VkHealthSummary;

/* Fails if the packs cannot be listed. */
gboolean vk_health_summarize(const VkHealth *health, VkHealthSummary *ret, GError **error);

/* The slots that cannot be read, as far as is known. New. */
VkSlotSet *vk_health_damaged(const VkHealth *health);

/*
 * All blocks of OBJECTS were read from TIME on, whether snapshots use them or not. Damage that was
 * found earlier in this pack does not count any more.
 */
void vk_health_add_read(VkHealth *health, const GPtrArray *objects, gint64 time);

/*
 * At TIME SLOTS of PACK could not be read from OBJECT; NULL: no generation of the pack can be used,
 * or none has them. Does nothing if the pack was read after TIME. If too many packs are damaged to
 * remember them, the pack counts as not read.
 */
void vk_health_add_damage(VkHealth *health, const VkPackId *pack, const char *object,
			  const VkSlots *slots, gint64 time);

/* At TIME all maps were read. Packs that were found missing earlier do not count as that any more.
 */
void vk_health_add_walk(VkHealth *health, gint64 time);

/* At TIME a share of the packs had been read; and how many shares were read after TIME. */
void vk_health_add_share(VkHealth *health, gint64 time);
guint vk_health_count_shares(const VkHealth *health, gint64 time);

/*
 * Puts them into the vault, with what others have put there meanwhile and without packs that are
 * gone, as one object, durably. Then it removes those that are in it.
 */
gboolean vk_health_save(VkHealth *health, GError **error);
