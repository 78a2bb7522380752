/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-record.h"

#include "vault-parts.h"

#include "errors.h"
#include "json.h"
#include "layout.h"
#include "checked-json.h"
#include "timestamp.h"

#include <string.h>
#include <sys/statvfs.h>

#define DATA_MARK  "-data-"
#define PLAIN_MARK "-plain-"

/*
 * Its name says all of a record but the result: "20261122T201405Z-data-0123abcd.json". The last
 * part begins with the microseconds, in five digits, so that names of one kind sort by their age.
 */
static gboolean is_record(const char *name, gboolean with_data)
{
	const char *mark = with_data ? DATA_MARK : PLAIN_MARK;

	return strlen(name) > VK_TIME_LENGTH && g_str_has_prefix(name + VK_TIME_LENGTH, mark) &&
	       g_str_has_suffix(name, ".json");
}

/* The kind is left out: of records of both kinds the later one. Each may be NULL. */
static gboolean is_later(const char *record, const char *than)
{
	int order;

	if (!record || !than)
		return record != NULL;
	order = strncmp(record, than, VK_TIME_LENGTH);
	return order > 0 || (order == 0 && strcmp(strrchr(record, '-'), strrchr(than, '-')) > 0);
}

/* The name of the newest record, with or without data; NULL: none. Borrowed. */
static const char *find_newest(const GPtrArray *names, gboolean with_data)
{
	const char *newest = NULL;

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);

		if (is_record(name, with_data) && g_strcmp0(name, newest) > 0)
			newest = name;
	}
	return newest;
}

/* Older records of the same kind are of no use any more. */
static void drop_older(VkVault *vault, const char *kept, gboolean with_data)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_CHECKS, NULL);

	for (guint i = 0; names && i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *object = g_strconcat(VK_FOLDER_CHECKS "/", name, NULL);

		if (is_record(name, with_data) && strcmp(object, kept) < 0)
			store->ops->delete (store, object, NULL);
	}
}

gboolean vk_check_record_put(VkVault *vault, const VkCheckResult *result, gboolean data,
			     GError **error)
{
	gint64 now = g_get_real_time();
	g_autofree char *time = vk_time_format(now / G_USEC_PER_SEC);
	g_autofree char *name = g_strdup_printf(
		VK_FOLDER_CHECKS "/%s%s%05x%03x.json", time, data ? DATA_MARK : PLAIN_MARK,
		(guint)(now % G_USEC_PER_SEC), g_random_int_range(0, 0x1000));
	g_autoptr(json_t) record =
		json_pack("{s:s, s:b, s:I, s:I, s:I, s:I}", "time", time, "data", data, "snapshots",
			  (json_int_t)result->snapshots, "packs", (json_int_t)result->packs,
			  "blocks", (json_int_t)result->blocks, "damages",
			  (json_int_t)vk_check_result_count_errors(result));

	if (!vk_checked_json_put(vault->store, name, record, VK_PUT_NOW, error))
		return FALSE;
	drop_older(vault, name, data);
	return TRUE;
}

static gboolean parse(const json_t *record, VkCheckRecord *ret, GError **error)
{
	const char *time = NULL;

	if (!vk_json_string(record, "time", &time, error) ||
	    !vk_time_parse(time, &ret->time, error))
		return FALSE;
	ret->data = json_is_true(json_object_get(record, "data"));
	ret->errors = (guint64)json_integer_value(json_object_get(record, "damages"));
	return TRUE;
}

gboolean vk_check_record_last(VkVault *vault, gboolean with_data, VkCheckRecord *ret,
			      GError **error)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_CHECKS, error);
	const char *with = names ? find_newest(names, TRUE) : NULL;
	const char *without = names && !with_data ? find_newest(names, FALSE) : NULL;
	const char *newest = is_later(without, with) ? without : with;
	g_autofree char *name = NULL;
	g_autoptr(json_t) record = NULL;

	memset(ret, 0, sizeof(*ret));
	if (!names || !newest)
		return names != NULL;
	name = g_strconcat(VK_FOLDER_CHECKS "/", newest, NULL);
	record = vk_checked_json_get(store, name, error);
	return record && parse(record, ret, error);
}

static gboolean add_folder(VkStore *store, const char *folder, VkVaultUsage *usage, GError **error)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, error);

	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *name = g_strconcat(folder, "/", g_ptr_array_index(names, i), NULL);
		g_autoptr(GError) trouble = NULL;
		guint64 size = 0;

		if (!store->ops->head(store, name, &size, NULL, &trouble)) {
			/* One that was compacted meanwhile. */
			if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
				continue;
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		usage->packs++;
		usage->bytes += size;
	}
	return names != NULL;
}

gboolean vk_vault_usage(VkVault *vault, VkVaultUsage *ret, GError **error)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) folders = store->ops->list(store, VK_FOLDER_PACKS, error);
	struct statvfs room;

	memset(ret, 0, sizeof(*ret));
	for (guint i = 0; folders && i < folders->len; i++) {
		g_autofree char *folder =
			g_strconcat(VK_FOLDER_PACKS "/", g_ptr_array_index(folders, i), NULL);

		if (!g_str_has_suffix(folder, "/"))
			continue;
		folder[strlen(folder) - 1] = '\0';
		if (!add_folder(store, folder, ret, error))
			return FALSE;
	}
	if (vault->directory && statvfs(vault->directory, &room) == 0) {
		ret->has_room = TRUE;
		ret->free = (guint64)room.f_bavail * room.f_frsize;
		ret->total = (guint64)room.f_blocks * room.f_frsize;
	}
	return folders != NULL;
}
