/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-node.h"

#include "errors.h"
#include "guest-unlock.h"
#include "reply-check.h"

#include <errno.h>
#include <string.h>

static void begin(VkMessage *message, VkMessageType type, const VkPlace *place)
{
	const char *volume = place->volume ? place->volume : place->system ? place->system : "";

	vk_message_begin(message, type);
	vk_message_put_text(message, volume);
	vk_message_put_text(message, place->path);
	vk_message_put_u32(message, !place->volume);
}

/* What was there before is not found: no path is missing. */
static gboolean fail_place(const GError *trouble, GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "%s", trouble->message);
}

static gboolean wake(VkGuestFiles *files, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	return vk_guest_files_wake(files, &trouble) || fail_place(trouble, error);
}

/* Sends MESSAGE and clears it. */
static gboolean ask(VkGuestFiles *files, VkMessage *message, GError **error)
{
	gboolean ok = wake(files, error);

	if (ok && message->failed) {
		ok = vk_fail(error, VK_ERROR_USAGE, "the path is too long");
	} else if (ok) {
		files->in_answer = TRUE;
		ok = vk_appliance_send(files->appliance, message, error);
	}
	vk_message_clear(message);
	return ok;
}

/* By VK_MESSAGE_FAILED. */
static gboolean fail(VkGuestFiles *files, VkBody *body, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	VkBody peek = *body;
	guint32 code = vk_body_u32(&peek);

	if (code != VK_MESSAGE_NO_PLACE && code != EINVAL)
		return vk_guest_files_fail_as_said(files, body, error);
	vk_guest_files_fail_as_said(files, body, &trouble);
	vk_guest_files_rest(files);
	return fail_place(trouble, error);
}

/*
 * The next message of an answer. FALSE with an error, or when it is a failure. *RET_DONE: the end
 * of the answer; a message of another type than TYPE is nonsense.
 */
static gboolean next(VkGuestFiles *files, VkMessageType type, VkBody *ret_body, gboolean *ret_done,
		     GError **error)
{
	VkMessageType got;

	if (!vk_guest_files_receive(files, &got, ret_body, error))
		return FALSE;
	*ret_done = got == VK_MESSAGE_DONE;
	files->in_answer = got != VK_MESSAGE_FAILED && got != VK_MESSAGE_LOCKED && !*ret_done;
	if (got == VK_MESSAGE_LOCKED)
		return vk_guest_files_fail_locked(ret_body, error);
	if (got == VK_MESSAGE_FAILED)
		return fail(files, ret_body, error);
	return got == type || *ret_done || vk_guest_files_fail_nonsense(error);
}

/* An answer of one message. */
static gboolean ask_one(VkGuestFiles *files, VkMessage *question, VkMessageType type,
			VkBody *ret_body, GError **error)
{
	gboolean done;

	if (!ask(files, question, error) || !next(files, type, ret_body, &done, error))
		return FALSE;
	files->in_answer = FALSE;
	return !done || vk_guest_files_fail_nonsense(error);
}

gboolean vk_guest_node_look(VkGuestFiles *files, const VkPlace *place, VkEntry *ret, GError **error)
{
	VkMessage message = {0};
	VkBody body;

	*ret = (VkEntry){0};
	begin(&message, VK_MESSAGE_ASK_NODE, place);
	return ask_one(files, &message, VK_MESSAGE_ENTRY, &body, error) &&
	       vk_reply_entry(&body, ret, error);
}

VkPage *vk_guest_node_list(VkGuestFiles *files, const VkPlace *place, guint64 cursor,
			   GError **error)
{
	VkMessage message = {0};
	VkBody body;

	begin(&message, VK_MESSAGE_ASK_PAGE, place);
	vk_message_put_u64(&message, cursor);
	return ask_one(files, &message, VK_MESSAGE_PAGE, &body, error) ? vk_reply_page(&body, error)
								       : NULL;
}

gboolean vk_guest_node_read(VkGuestFiles *files, const VkPlace *place, guint64 offset,
			    guint8 *buffer, gsize length, GError **error)
{
	VkMessage message = {0};
	gboolean done = FALSE;
	gsize filled = 0;
	VkBody body;

	g_return_val_if_fail(length <= VK_NODE_READ_MAX, FALSE);
	memset(buffer, 0, length);
	begin(&message, VK_MESSAGE_ASK_READ, place);
	vk_message_put_u64(&message, offset);
	vk_message_put_u32(&message, (guint32)length);
	if (!ask(files, &message, error))
		return FALSE;
	while (next(files, VK_MESSAGE_DATA, &body, &done, error)) {
		if (done)
			return TRUE;
		if (!vk_reply_data(&body, offset, buffer, length, &filled, error))
			return FALSE;
	}
	return FALSE;
}

gboolean vk_guest_node_seek(VkGuestFiles *files, const VkPlace *place, guint64 offset,
			    gboolean hole, gboolean *ret_found, guint64 *ret_place, GError **error)
{
	VkMessage message = {0};
	VkBody body;

	begin(&message, VK_MESSAGE_ASK_SEEK, place);
	vk_message_put_u64(&message, offset);
	vk_message_put_u32(&message, hole != FALSE);
	return ask_one(files, &message, VK_MESSAGE_PLACE, &body, error) &&
	       vk_reply_place(&body, offset, ret_found, ret_place, error);
}

GHashTable *vk_guest_node_attributes(VkGuestFiles *files, const VkPlace *place, GError **error)
{
	g_autoptr(GHashTable) attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
								 (GDestroyNotify)g_bytes_unref);
	VkMessage message = {0};
	gboolean done = FALSE;
	VkBody body;

	begin(&message, VK_MESSAGE_ASK_ATTRIBUTES, place);
	if (!ask(files, &message, error))
		return NULL;
	while (next(files, VK_MESSAGE_ATTRIBUTE, &body, &done, error)) {
		if (done)
			return g_steal_pointer(&attributes);
		if (!vk_reply_attribute(&body, attributes, error))
			return NULL;
	}
	return NULL;
}
