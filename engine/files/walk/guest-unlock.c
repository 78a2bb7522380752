/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-unlock.h"

#include "errors.h"
#include "volume-keys.h"

/* That are asked for. */
#define PASSPHRASES_MAX 16

static gboolean unlock(VkGuestFiles *files, const VkVolumeKey *key, GError **error)
{
	VkMessage message = {0};
	VkMessageType type;
	VkBody body;
	gboolean ok;

	vk_message_begin(&message, VK_MESSAGE_UNLOCK);
	vk_message_put_text(&message, key->volume ? key->volume : "");
	vk_message_put_bytes(&message, key->secret->bytes, key->secret->length);
	ok = vk_appliance_send(files->appliance, &message, error);
	vk_wipe(message.bytes, message.room);
	vk_message_clear(&message);
	if (!ok || !vk_guest_files_receive(files, &type, &body, error))
		return FALSE;
	if (type == VK_MESSAGE_FAILED)
		return vk_guest_files_fail_as_said(files, &body, error);
	return type == VK_MESSAGE_DONE || vk_guest_files_fail_nonsense(error);
}

static gboolean unlock_all(VkGuestFiles *files, const GPtrArray *keys, GError **error)
{
	for (guint i = 0; i < keys->len; i++)
		if (!unlock(files, g_ptr_array_index(keys, i), error))
			return FALSE;
	return TRUE;
}

gboolean vk_guest_files_unlock(VkGuestFiles *files, GError **error)
{
	return unlock_all(files, files->keys, error) && unlock_all(files, files->typed, error);
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
	if (files->typed->len == PASSPHRASES_MAX)
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is locked", volume);
	if (!vk_volume_keys_ask(files->typed, volume, error))
		return FALSE;
	vk_guest_files_rest(files);
	return vk_guest_files_wake(files, error) != NULL;
}

gboolean vk_guest_files_fail_locked(VkBody *body, GError **error)
{
	g_autofree char *volume = take_name(body);

	return vk_fail(error, VK_ERROR_DENIED, "'%s' is locked: give its key by --key-file",
		       volume);
}
