/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON objects of a vault: the object in one line, its SHA-256 in the next. A reader never sees
 * one that was cut short or altered. Threads: free.
 */
#pragma once

#include "store.h"

#include "json.h"

/* Domain XML of two kinds and 2 KiB for each segment of a map: far below this. */
#define VK_OBJECT_SIZE_MAX (64u << 20)

/* VK_ERROR_DAMAGE when the checksum does not match. Returns a new reference. */
json_t *vk_checked_json_get(VkStore *store, const char *name, GError **error);

/* The same. *RET_SUM (nullable) is the object's checksum, 64 hex digits, a new string. */
json_t *vk_checked_json_get_sum(VkStore *store, const char *name, char **ret_sum, GError **error);

/* The checksum that OBJECT has when it is put. New string. */
char *vk_checked_json_sum(const json_t *object);

gboolean vk_checked_json_put(VkStore *store, const char *name, const json_t *object, VkPutMode mode,
			     GError **error);
