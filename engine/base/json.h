/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading JSON objects of virtkeep's own formats: each getter checks the type, and an absent or
 * wrong member is VK_ERROR_DAMAGE naming the member. All returned pointers are borrowed from
 * OBJECT. Threads: free.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/*
 * Parses LENGTH bytes as one JSON object. NAME is for the error. Returns a new reference.
 * VK_ERROR_DAMAGE also when its values would take more than about ten times as much memory as the
 * text.
 */
json_t *vk_json_parse(const char *text, gsize length, const char *name, GError **error);

/* One compact line with sorted keys and without a newline. The caller frees with g_free(). */
char *vk_json_line(const json_t *value);

/*
 * Prints VALUE indented, with a newline, on stdout. Where events go there it becomes the result of
 * the run instead (event.h).
 */
void vk_json_print(const json_t *value);

/*
 * Prints VALUE as one compact line, at once. A reader who has enough of it ends what is printed,
 * but is no error of stdout.
 */
void vk_json_print_line(const json_t *value);

/*
 * The same of an array, item by item: what vk_json_print() would print of all of them. The end says
 * whether there were none.
 */
void vk_json_print_item(const json_t *item, gboolean is_first);
void vk_json_print_end(gboolean is_empty);

gboolean vk_json_string(const json_t *object, const char *key, const char **ret, GError **error);
/* Reads what vk_json_new_uint() makes. */
gboolean vk_json_uint(const json_t *object, const char *key, guint64 *ret, GError **error);
gboolean vk_json_bool(const json_t *object, const char *key, gboolean *ret, GError **error);
gboolean vk_json_array(const json_t *object, const char *key, json_t **ret, GError **error);
gboolean vk_json_object(const json_t *object, const char *key, json_t **ret, GError **error);

/* The string, or NULL when the member is absent or null. */
const char *vk_json_optional_string(const json_t *object, const char *key);

/* The same in the member OUTER, which may also be absent. */
const char *vk_json_nested_string(const json_t *object, const char *outer, const char *key);

/* A new JSON string, or null for NULL. Bytes that are not UTF-8 are replaced. */
json_t *vk_json_new_string(const char *text);

/* A new JSON array of such strings. */
json_t *vk_json_new_strings(const char *const *texts);

/*
 * A new JSON number, or from 2^63 on, which JSON libraries cannot hold as a number, a string of its
 * decimal digits.
 */
json_t *vk_json_new_uint(guint64 value);
