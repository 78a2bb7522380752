/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-client-priv.h"

#include "errors.h"

#include <string.h>

/* Of 1000 names each. A server that never ends is wrong. */
#define PAGES_MAX 100000u

typedef struct Listing {
	const char *start; /* with the address's prefix */
	VkS3Listed listed;
	gpointer data;
	gboolean is_strange; /* it has names that were not asked for */
} Listing;

static void list_below(const char *name, const char *tag, gpointer data)
{
	Listing *listing = data;
	gsize length = strlen(listing->start);

	if (strncmp(name, listing->start, length) != 0)
		listing->is_strange = TRUE;
	else if (name[length]) /* consoles make an object for the folder itself */
		listing->listed(name + length, tag, listing->data);
}

/* Escaped and sorted, for that is how it is signed. */
static char *make_query(const char *start, const char *token, gboolean is_deep)
{
	g_autofree char *prefix = g_uri_escape_string(start, NULL, FALSE);
	g_autofree char *after = token ? g_uri_escape_string(token, NULL, FALSE) : NULL;

	return g_strconcat(after ? "continuation-token=" : "", after ? after : "", after ? "&" : "",
			   is_deep ? "" : "delimiter=%2F&", "list-type=2&prefix=", prefix, NULL);
}

static gboolean list_page(VkS3 *s3, Listing *listing, const char *name, const char *query,
			  char **ret_next, GError **error)
{
	VkS3Call call = {.s3 = s3, .method = "GET", .what = "list", .name = name, .query = query};
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) trouble = NULL;

	if (!vk_s3_call(&call, &reply, error))
		return FALSE;
	if (!vk_s3_page_parse(reply.text->str, reply.text->len, list_below, listing, ret_next,
			      &trouble))
		return vk_s3_fail(&call, VK_ERROR_FAILED, trouble->message, error);
	return !listing->is_strange ||
	       vk_s3_fail(&call, VK_ERROR_FAILED, "its listing has names from elsewhere", error);
}

gboolean vk_s3_list(VkS3 *s3, const char *start, gboolean is_deep, VkS3Listed listed, gpointer data,
		    GError **error)
{
	g_autofree char *whole = g_strconcat(s3->address->prefix, start, NULL);
	const char *name = *start ? start : s3->address->prefix;
	Listing listing = {.start = whole, .listed = listed, .data = data};
	g_autofree char *token = NULL;

	for (guint page = 0; page < PAGES_MAX; page++) {
		g_autofree char *query = make_query(whole, token, is_deep);
		g_autofree char *next = NULL;

		if (!list_page(s3, &listing, name, query, &next, error))
			return FALSE;
		if (!next)
			return TRUE;
		if (g_strcmp0(next, token) == 0)
			break;
		g_free(token);
		token = g_steal_pointer(&next);
	}
	return vk_fail(error, VK_ERROR_FAILED, "%s: the listing of '%s' does not end", s3->name,
		       name);
}
