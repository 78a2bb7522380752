/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "errors.h"
#include "text.h"

#include <string.h>

static const VkSnapshotKey *key_at(const GPtrArray *keys, guint i)
{
	return g_ptr_array_index(keys, i);
}

/* The newest that is not behind the end of the moment. */
static const VkSnapshotKey *choose_at(const GPtrArray *keys, const VkWhen *when, const char *text,
				      const char *guest, GError **error)
{
	const VkSnapshotKey *oldest = key_at(keys, 0);
	g_autofree char *local = NULL;

	for (guint i = keys->len; i > 0; i--)
		if (vk_snapshot_key_taken(key_at(keys, i - 1)) <= when->last)
			return key_at(keys, i - 1);
	local = vk_when_local(oldest->time);
	vk_fail(error, VK_ERROR_NOT_FOUND,
		"the guest '%s' has no snapshot of '%s' or before; its oldest is '%s@%s', of %s",
		guest, text, guest, oldest->time, local);
	return NULL;
}

static const VkSnapshotKey *choose_exact(const GPtrArray *keys, const char *text, const char *guest,
					 GError **error)
{
	const VkSnapshotKey *newest = key_at(keys, keys->len - 1);

	for (guint i = keys->len; i > 0; i--)
		if (strcmp(key_at(keys, i - 1)->time, text) == 0)
			return key_at(keys, i - 1);
	vk_fail(error, VK_ERROR_NOT_FOUND,
		"the guest '%s' has no snapshot at '%s'; its latest is '%s@%s'", guest, text, guest,
		newest->time);
	return NULL;
}

static const VkSnapshotKey *choose_back(const GPtrArray *keys, const VkWhen *when,
					const char *guest, GError **error)
{
	g_autofree char *all = vk_count_text(keys->len, "snapshot");

	if (when->back < keys->len)
		return key_at(keys, keys->len - 1 - when->back);
	vk_fail(error, VK_ERROR_NOT_FOUND,
		"the guest '%s' has %s: there is none %u before its latest", guest, all,
		when->back);
	return NULL;
}

static const VkSnapshotKey *choose_id(const GPtrArray *keys, const VkWhen *when, const char *text,
				      const char *guest, GError **error)
{
	const VkSnapshotKey *found = NULL;

	for (guint i = 0; i < keys->len; i++) {
		if (!g_str_has_prefix(key_at(keys, i)->id, when->id))
			continue;
		if (found) {
			vk_fail(error, VK_ERROR_USAGE,
				"several snapshots of the guest '%s' have an id that begins with "
				"'%s': write more of it",
				guest, text);
			return NULL;
		}
		found = key_at(keys, i);
	}
	if (!found)
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"the guest '%s' has no snapshot with the id '%s'; 'virtkeep list' shows "
			"what there is",
			guest, text);
	return found;
}

const VkSnapshotKey *vk_choose_snapshot(const GPtrArray *keys, const VkWhen *when, const char *text,
					const char *guest, GError **error)
{
	switch (when->kind) {
	case VK_WHEN_EXACT:
		return choose_exact(keys, text, guest, error);
	case VK_WHEN_AT:
		return choose_at(keys, when, text, guest, error);
	case VK_WHEN_BACK:
		return choose_back(keys, when, guest, error);
	case VK_WHEN_ID:
		return choose_id(keys, when, text, guest, error);
	case VK_WHEN_LATEST:
		break;
	}
	return key_at(keys, keys->len - 1);
}
