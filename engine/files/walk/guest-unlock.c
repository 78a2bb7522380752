/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-unlock.h"

#include "errors.h"

/* That are asked for. */
#define PASSPHRASES_MAX 16

/* *RET_REFUSED: the appliance answers that the key does not fit. */
static gboolean unlock(VkGuestFiles *files, const VkVolumeKey *key, gboolean *ret_refused,
		       GError **error)
{
	VkMessage message = {0};
	VkMessageType type;
	VkBody body;
	gboolean ok;

	*ret_refused = FALSE;
	vk_message_begin(&message, VK_MESSAGE_UNLOCK);
	vk_message_put_text(&message, key->volume ? key->volume : "");
	vk_message_put_bytes(&message, key->secret->bytes, key->secret->length);
	ok = vk_appliance_send(files->appliance, &message, error);
	vk_wipe(message.bytes, message.room);
	vk_message_clear(&message);
	if (!ok || !vk_guest_files_receive(files, &type, &body, error))
		return FALSE;
	*ret_refused = type == VK_MESSAGE_FAILED;
	if (*ret_refused)
		return vk_guest_files_fail_as_said(files, &body, error);
	return type == VK_MESSAGE_DONE || vk_guest_files_fail_nonsense(error);
}

static gboolean unlock_with_given(VkGuestFiles *files, GError **error)
{
	const GPtrArray *given = files->keys->given;
	gboolean refused;

	for (guint i = 0; i < given->len; i++)
		if (!unlock(files, g_ptr_array_index(given, i), &refused, error))
			return FALSE;
	return TRUE;
}

/* What was typed for another snapshot need not fit: then it is asked for again. */
static gboolean unlock_with_typed(VkGuestFiles *files, GError **error)
{
	GPtrArray *typed = files->keys->typed;

	for (guint i = 0; i < typed->len; i++) {
		g_autoptr(GError) trouble = NULL;
		gboolean is_new = files->is_new && i == typed->len - 1, refused;

		if (unlock(files, g_ptr_array_index(typed, i), &refused, &trouble) ||
		    (refused && !is_new))
			continue;
		if (refused)
			g_ptr_array_remove_index(typed, i);
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	return TRUE;
}

gboolean vk_guest_files_unlock(VkGuestFiles *files, GError **error)
{
	gboolean ok = unlock_with_given(files, error) && unlock_with_typed(files, error);

	files->is_new = FALSE;
	files->tried = files->keys->typed->len;
	return ok;
}

/* New string. */
static char *take_name(VkBody *body)
{
	VkBytes bytes = vk_body_bytes(body);

	return g_strndup((const char *)bytes.at, bytes.length);
}

gboolean vk_guest_files_ask_key(VkGuestFiles *files, VkBody *body, GError **error)
{
	g_autofree char *volume = take_name(body);

	/* The appliance may be hostile, and ask for ever. */
	if (files->questions++ == PASSPHRASES_MAX)
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is locked", volume);
	/* What was typed for another snapshot meanwhile comes first. */
	if (files->tried == files->keys->typed->len) {
		if (!vk_volume_keys_ask(files->keys, volume, error))
			return FALSE;
		files->is_new = TRUE;
	}
	vk_guest_files_rest(files);
	return vk_guest_files_wake(files, error) != NULL;
}

gboolean vk_guest_files_fail_locked(VkBody *body, GError **error)
{
	g_autofree char *volume = take_name(body);

	return vk_fail(error, VK_ERROR_DENIED, "'%s' is locked: give its key by --key-file",
		       volume);
}
