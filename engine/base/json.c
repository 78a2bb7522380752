/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"

#include "errors.h"
#include "event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * What the values of a text take in memory, in units of 32 bytes or so. jansson bounds their depth,
 * but not their number: an empty object of two bytes takes a hundred times as much.
 */
#define COST_OF_CONTAINER 8u
/* No text of ours costs more. */
#define COST_FREE       4096u
#define BYTES_OF_A_UNIT 4u

/* Whether the values of TEXT would take far more memory than it. It need not be JSON. */
static gboolean costs_too_much(const char *text, gsize length)
{
	gboolean in_string = FALSE;
	gsize cost = 0;

	for (gsize i = 0; i < length; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string)
			i += text[i] == '\\';
		else if (text[i] == '[' || text[i] == '{')
			cost += COST_OF_CONTAINER;
		else if (text[i] == ',')
			cost++;
	}
	return cost > COST_FREE + length / BYTES_OF_A_UNIT;
}

json_t *vk_json_parse(const char *text, gsize length, const char *name, GError **error)
{
	json_error_t trouble;
	g_autoptr(json_t) value = NULL;

	if (costs_too_much(text, length)) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: it has too many values", name);
		return NULL;
	}
	value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &trouble);
	if (!value || !json_is_object(value)) {
		vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: %s", name,
			value ? "not a JSON object" : trouble.text);
		return NULL;
	}
	return g_steal_pointer(&value);
}

char *vk_json_line(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	char *line = g_strdup(text);

	free(text);
	g_assert(line);
	return line;
}

static gsize print_flags(void)
{
	/* JSON lets all but the first 32 control characters through as they are. */
	return JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);
}

void vk_json_print(const json_t *value)
{
	if (vk_event_has_lines()) {
		vk_event_set_result(value);
		return;
	}
	json_dumpf(value, stdout, print_flags());
	putchar('\n');
	fflush(stdout);
}

void vk_json_print_line(const json_t *value)
{
	static gboolean is_closed;

	if (is_closed)
		return;
	json_dumpf(value, stdout, JSON_COMPACT | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
	putchar('\n');
	if (fflush(stdout) < 0 && errno == EPIPE) {
		is_closed = TRUE;
		clearerr(stdout);
	}
}

void vk_json_print_item(const json_t *item, gboolean is_first)
{
	/* Within an array, so that it is indented, and then without the brackets. */
	g_autoptr(json_t) array = json_pack("[O]", item);
	char *text = json_dumps(array, print_flags());
	gsize length = strlen(text) - strlen("\n]");

	fputs(is_first ? "[" : ",", stdout);
	fwrite(text + 1, 1, length - 1, stdout);
	free(text);
}

void vk_json_print_end(gboolean is_empty)
{
	fputs(is_empty ? "[]\n" : "\n]\n", stdout);
	fflush(stdout);
}

static gboolean wrong_member(const char *key, const char *type, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE, "member '%s' is missing or not %s", key, type);
}

gboolean vk_json_string(const json_t *object, const char *key, const char **ret, GError **error)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		return wrong_member(key, "a string", error);
	*ret = text;
	return TRUE;
}

gboolean vk_json_uint(const json_t *object, const char *key, guint64 *ret, GError **error)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value) &&
	    g_ascii_string_to_unsigned(json_string_value(value), 10, (guint64)G_MAXINT64 + 1,
				       G_MAXUINT64, ret, NULL))
		return TRUE;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong_member(key, "a whole number", error);
	*ret = (guint64)json_integer_value(value);
	return TRUE;
}

gboolean vk_json_bool(const json_t *object, const char *key, gboolean *ret, GError **error)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return wrong_member(key, "true or false", error);
	*ret = json_is_true(value);
	return TRUE;
}

gboolean vk_json_array(const json_t *object, const char *key, json_t **ret, GError **error)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value))
		return wrong_member(key, "a list", error);
	*ret = value;
	return TRUE;
}

gboolean vk_json_object(const json_t *object, const char *key, json_t **ret, GError **error)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return wrong_member(key, "an object", error);
	*ret = value;
	return TRUE;
}

const char *vk_json_optional_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const char *vk_json_nested_string(const json_t *object, const char *outer, const char *key)
{
	return vk_json_optional_string(json_object_get(object, outer), key);
}

json_t *vk_json_new_string(const char *text)
{
	g_autofree char *valid = NULL;

	if (!text)
		return json_null();
	valid = g_utf8_make_valid(text, -1);
	return json_string(valid);
}

json_t *vk_json_new_strings(const char *const *texts)
{
	json_t *array = json_array();

	for (; *texts; texts++)
		json_array_append_new(array, vk_json_new_string(*texts));
	return array;
}

json_t *vk_json_new_uint(guint64 value)
{
	g_autofree char *digits = NULL;

	if (value <= G_MAXINT64)
		return json_integer((json_int_t)value);
	digits = g_strdup_printf("%" G_GUINT64_FORMAT, value);
	return json_string(digits);
}
