/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWalkCheck: checks what an appliance says about entries, as it may be hostile. No path that
 * passes leads out of the directory that it is joined to, unless a symbolic link does. Threads: one
 * at a time.
 */
#pragma once

#include "guest-files.h"
#include "message.h"

#include <glib.h>

/* More volumes than that are refused. */
#define VK_VOLUMES_MAX 4096

typedef struct VkWalkCheck VkWalkCheck;

VkWalkCheck *vk_walk_check_new(void);
void vk_walk_check_free(VkWalkCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkWalkCheck, vk_walk_check_free)

/*
 * Takes the message VK_MESSAGE_ENTRY apart. The entry is to be cleared even after a failure, and to
 * be left out if it has a fault. VK_ERROR_FAILED when no agent sends that.
 */
gboolean vk_walk_check_entry(VkWalkCheck *check, VkBody *body, VkEntry *ret, GError **error);
void vk_entry_clear(VkEntry *entry);

/* The same of one report, wherever it is from. */
gboolean vk_entry_take(const VkEntryReport *report, VkEntry *ret, GError **error);

/* What a damaged file system says that cannot be, for people; NULL: the entry is as in VkEntry. */
const char *vk_entry_fault(const VkEntry *entry);

/*
 * Takes the next range out of VK_MESSAGE_RANGES: it lies within the last entry, behind the one
 * before. Offset and length are 0 when there is none left.
 */
gboolean vk_walk_check_range(VkWalkCheck *check, VkBody *body, guint64 *ret_offset,
			     guint64 *ret_length, GError **error);

/* Takes VK_MESSAGE_DATA apart: it must lie within the last entry, behind what came before. */
gboolean vk_walk_check_bytes(VkWalkCheck *check, VkBody *body, guint64 *ret_offset,
			     VkBytes *ret_bytes, GError **error);
