/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checked-json.h"

#include "errors.h"

#include <string.h>

/* *RET_SUM (nullable) is the checksum, a new string. */
static json_t *parse_checked(const char *text, gsize length, const char *name, char **ret_sum,
			     GError **error)
{
	const char *end = memchr(text, '\n', length);
	gsize line_length = end ? (gsize)(end - text) : length;
	g_autoptr(json_t) check = NULL;
	g_autofree char *sum = NULL;
	const char *expected;
	json_t *object;

	if (!end) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: it was cut short", name);
		return NULL;
	}
	check = vk_json_parse(end + 1, length - line_length - 1, name, error);
	if (!check)
		return NULL;
	expected = vk_json_optional_string(check, "sha256");
	sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, line_length);
	if (g_strcmp0(expected, sum) != 0) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: its checksum does not match",
			name);
		return NULL;
	}
	object = vk_json_parse(text, line_length, name, error);
	if (object && ret_sum)
		*ret_sum = g_steal_pointer(&sum);
	return object;
}

json_t *vk_checked_json_get_sum(VkStore *store, const char *name, char **ret_sum, GError **error)
{
	g_autoptr(GBytes) bytes = vk_store_get_all(store, name, VK_OBJECT_SIZE_MAX, error);
	gsize length;
	const char *text;

	if (!bytes)
		return NULL;
	text = g_bytes_get_data(bytes, &length);
	if (length == 0) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: it is empty", name);
		return NULL;
	}
	return parse_checked(text, length, name, ret_sum, error);
}

json_t *vk_checked_json_get(VkStore *store, const char *name, GError **error)
{
	return vk_checked_json_get_sum(store, name, NULL, error);
}

char *vk_checked_json_sum(const json_t *object)
{
	g_autofree char *line = vk_json_line(object);

	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, line, -1);
}

gboolean vk_checked_json_put(VkStore *store, const char *name, const json_t *object, VkPutMode mode,
			     GError **error)
{
	g_autofree char *line = vk_json_line(object);
	gsize length = strlen(line);
	g_autofree char *sum =
		g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)line, length);
	g_autofree char *check = g_strdup_printf("\n{\"sha256\":\"%s\"}\n", sum);
	struct iovec parts[] = {
		{.iov_base = line, .iov_len = length},
		{.iov_base = check, .iov_len = strlen(check)},
	};

	if (length + strlen(check) > VK_OBJECT_SIZE_MAX)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' would take %zu bytes, more than the %u an object may have",
			       name, length, VK_OBJECT_SIZE_MAX);
	return vk_store_put(store, name, parts, G_N_ELEMENTS(parts), mode, error);
}
