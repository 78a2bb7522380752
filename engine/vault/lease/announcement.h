/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkAnnouncement: slots that a collector is about to remove: the condemned ones. Of a pack either
 * all are condemned, or all but those that stay. Memory: 512 bytes for a pack of which slots stay,
 * else 64. In the vault an announcement is one object of checked JSON:
 *
 *   {"collector": "<id>", "packs": {"<pack id>": null, "<pack id>": "<slots that stay>"}}
 *
 * null: the whole pack is to go. Slots are bits in base64, slot 0 the lowest bit of the first byte;
 * bits behind the end are 0. Threads: free, unless one thread adds.
 */
#pragma once

#include "pack-id.h"
#include "slot-set.h"
#include "store.h"

#include <glib.h>

typedef struct VkAnnouncement VkAnnouncement;

VkAnnouncement *vk_announcement_new(void);
void vk_announcement_free(VkAnnouncement *announcement); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkAnnouncement, vk_announcement_free)

/* Adds a pack of which STAY stays; NULL: nothing. A slot that was condemned before stays so. */
void vk_announcement_add(VkAnnouncement *announcement, const VkPackId *pack, const VkSlots *stay);

/* Whether no slot is condemned. */
gboolean vk_announcement_is_empty(const VkAnnouncement *announcement);

/* Whether the slot is condemned. */
gboolean vk_announcement_has(const VkAnnouncement *announcement, const VkPackId *pack,
			     guint32 slot);

/*
 * Announces durably, in the name of a collector's lease. One announcement for a lease.
 * VK_ERROR_FAILED when there is too much for one object: some 80,000 packs of which slots stay.
 */
gboolean vk_announcement_put(VkStore *store, const char *collector,
			     const VkAnnouncement *announcement, GError **error);

/* Takes the announcement back, durably. Succeeds if there is none. */
gboolean vk_announcement_delete(VkStore *store, const char *collector, GError **error);

/*
 * What all collectors together have announced. If an announcement cannot be read, every slot of the
 * vault is condemned.
 */
VkAnnouncement *vk_announcements_load(VkStore *store, GError **error);
