/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-priv.h"

#include "layout.h"
#include "timestamp.h"

#include <string.h>

#define OBJECT_SUFFIX ".json"

static VkSnapshotKey *key_new(const char *uuid, const char *time, const char *id)
{
	VkSnapshotKey *key = g_new0(VkSnapshotKey, 1);

	key->uuid = g_strdup(uuid);
	key->time = g_strdup(time);
	key->id = g_strdup(id);
	return key;
}

void vk_snapshot_key_free(VkSnapshotKey *key)
{
	if (!key)
		return;
	g_free(key->uuid);
	g_free(key->time);
	g_free(key->id);
	g_free(key->before);
	g_free(key);
}

VkSnapshotKey *vk_snapshot_key_copy(const VkSnapshotKey *key)
{
	VkSnapshotKey *copy = g_memdup2(key, sizeof(*key));

	copy->uuid = g_strdup(key->uuid);
	copy->time = g_strdup(key->time);
	copy->id = g_strdup(key->id);
	copy->before = g_strdup(key->before);
	return copy;
}

char *vk_snapshot_key_stem(const VkSnapshotKey *key)
{
	return g_strdup_printf("%s-%s", key->time, key->id);
}

char *vk_snapshot_key_object(const char *uuid, const char *time, const char *id)
{
	return g_strdup_printf(VK_FOLDER_SNAPS "/%s/%s-%s" OBJECT_SUFFIX, uuid, time, id);
}

char *vk_snapshot_copies_object(const char *uuid, const char *time, const char *id)
{
	return g_strdup_printf(VK_FOLDER_COPIES "/%s/%s-%s" OBJECT_SUFFIX, uuid, time, id);
}

VkSnapshotKey *vk_snapshot_key_parse(const char *uuid, const char *name)
{
	const char *id = name + VK_TIME_LENGTH + 1;
	g_autofree char *time = NULL, *digits = NULL;
	gint64 seconds;

	if (strlen(name) != VK_TIME_LENGTH + 1 + VK_SNAPSHOT_ID_LENGTH + strlen(OBJECT_SUFFIX) ||
	    id[-1] != '-' || strcmp(id + VK_SNAPSHOT_ID_LENGTH, OBJECT_SUFFIX) != 0)
		return NULL;
	time = g_strndup(name, VK_TIME_LENGTH);
	digits = g_strndup(id, VK_SNAPSHOT_ID_LENGTH);
	if (!vk_is_snapshot_id(digits) || !vk_time_parse(time, &seconds, NULL))
		return NULL;
	return key_new(uuid, time, digits);
}
