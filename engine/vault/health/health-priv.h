/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of VkHealth, and its JSON. For this folder only. Threads: as health.h. */
#pragma once

#include "health.h"

#include "json.h"
#include "pack-name.h"

/* The last reading of a pack. Ids are random: the first bytes are enough to tell packs apart. */
typedef struct VkPackRead {
	gint64 pack;       /* the first 8 bytes of its id */
	gint64 time;       /* microseconds since 1970 */
	guint32 names;     /* CRC-32C of the names of the generations that were read */
	gboolean is_there; /* while they are saved: the pack still has these generations */
} VkPackRead;

typedef struct VkPackDamage {
	VkPackId pack;
	char *object; /* NULL: none can be used */
	gint64 time;
	VkSlots slots;
} VkPackDamage;

struct VkHealth {
	VkVault *vault;
	GHashTable *reads;   /* VkPackRead, owned, by its PACK -> itself */
	GHashTable *damages; /* VkPackDamage, owned, by its PACK -> itself */
	GArray *shares;      /* gint64: the times of the last ones, sorted */
	gint64 walked;       /* when all maps were read; 0: never */
	GHashTable *objects; /* the names of those in it, owned */
};

/* The reading of OBJECTS, all generations of a pack, at TIME. */
VkPackRead vk_pack_read(const GPtrArray *objects, gint64 time);

/* Puts READ in the place of an earlier one. */
void vk_health_take_read(VkHealth *health, const VkPackRead *read);

/* Whether the damage was found before the pack was last read, or looked for, and counts no more. */
gboolean vk_health_is_void(const VkHealth *health, const VkPackDamage *damage);

json_t *vk_health_to_json(const VkHealth *health);

/*
 * Adds what vk_health_to_json() made, but for what is later than NOW. VK_ERROR_DAMAGE when it is
 * something else or of another vault; then a part of it may have been added.
 */
gboolean vk_health_add_json(VkHealth *health, const json_t *object, gint64 now, GError **error);
