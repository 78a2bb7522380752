/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks what an appliance answers to a question about a node, as it may be hostile. All functions
 * give VK_ERROR_FAILED when no agent sends that. Threads: free.
 */
#pragma once

#include "guest-node.h"
#include "message.h"

#include <glib.h>

/* VK_MESSAGE_ENTRY of a node. The entry is to be cleared even after a failure. */
gboolean vk_reply_entry(VkBody *body, VkEntry *ret, GError **error);

/* VK_MESSAGE_PAGE. */
VkPage *vk_reply_page(VkBody *body, GError **error);

/*
 * VK_MESSAGE_DATA, into BUFFER, which is for LENGTH bytes of the file from OFFSET on. The bytes lie
 * behind the first *DONE of them, which grows, so that the messages end.
 */
gboolean vk_reply_data(VkBody *body, guint64 offset, guint8 *buffer, gsize length, gsize *done,
		       GError **error);

/* VK_MESSAGE_PLACE, which is not before OFFSET. */
gboolean vk_reply_place(VkBody *body, guint64 offset, gboolean *ret_found, guint64 *ret_place,
			GError **error);

/* VK_MESSAGE_ATTRIBUTE, into ATTRIBUTES, which do not have it yet. */
gboolean vk_reply_attribute(VkBody *body, GHashTable *attributes, GError **error);
