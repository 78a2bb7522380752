/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-address.h"

#include "errors.h"
#include "text.h"

#include <string.h>

#define NAME_CHARS                   \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789._-"
#define BUCKET_MIN 3u
#define BUCKET_MAX 255u
#define PREFIX_MAX 512u

void vk_s3_address_free(VkS3Address *address)
{
	if (!address)
		return;
	g_free(address->scheme);
	g_free(address->host);
	g_free(address->bucket);
	g_free(address->prefix);
	g_free(address);
}

static gboolean is_name(const char *text)
{
	return *text && strspn(text, NAME_CHARS) == strlen(text) && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0;
}

static gboolean take_path(VkS3Address *address, const char *path, const char *shown, GError **error)
{
	g_auto(GStrv) names = g_strsplit(*path == '/' ? path + 1 : path, "/", -1);
	guint count = g_strv_length(names);
	g_autoptr(GString) prefix = g_string_new(NULL);

	/* One '/' at the end is a way to write it. */
	if (count > 1 && !*names[count - 1])
		count--;
	for (guint i = 0; i < count; i++)
		if (!is_name(names[i]))
			count = 0;
	if (count == 0 || strlen(names[0]) < BUCKET_MIN || strlen(names[0]) > BUCKET_MAX)
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' names no bucket: write s3:https://ENDPOINT/BUCKET or "
			       "s3:https://ENDPOINT/BUCKET/PREFIX, in letters, digits, '.', '_', "
			       "'-'",
			       shown);
	for (guint i = 1; i < count; i++)
		g_string_append_printf(prefix, "%s/", names[i]);
	if (prefix->len > PREFIX_MAX)
		return vk_fail(error, VK_ERROR_USAGE, "the prefix in '%s' is longer than %u bytes",
			       shown, PREFIX_MAX);
	address->bucket = g_strdup(names[0]);
	address->prefix = g_string_free(g_steal_pointer(&prefix), FALSE);
	return TRUE;
}

/* An address of IPv6 stands in brackets. */
static char *host_of(GUri *uri)
{
	const char *host = g_uri_get_host(uri);
	gint port = g_uri_get_port(uri);
	g_autofree char *bare = strchr(host, ':') ? g_strdup_printf("[%s]", host) : g_strdup(host);
	gint usual = strcmp(g_uri_get_scheme(uri), "https") == 0 ? 443 : 80;

	return port == -1 || port == usual ? g_steal_pointer(&bare)
					   : g_strdup_printf("%s:%d", bare, port);
}

VkS3Address *vk_s3_address_parse(const char *url, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	g_autoptr(VkS3Address) address = g_new0(VkS3Address, 1);
	g_autofree char *shown = vk_url_without_secrets(url);

	if (uri && g_uri_get_userinfo(uri)) {
		vk_fail(error, VK_ERROR_USAGE,
			"the URL of a vault must not have a user or a password in it: others can "
			"see it; virtkeep.conf(5) says where keys belong");
		return NULL;
	}
	if (!uri || !g_uri_get_host(uri) || !*g_uri_get_host(uri) || g_uri_get_query(uri) ||
	    g_uri_get_fragment(uri) ||
	    (strcmp(g_uri_get_scheme(uri), "https") != 0 &&
	     strcmp(g_uri_get_scheme(uri), "http") != 0)) {
		vk_fail(error, VK_ERROR_USAGE,
			"'%s' is not the URL of a bucket: write "
			"s3:https://ENDPOINT/BUCKET[/PREFIX]",
			shown);
		return NULL;
	}
	address->scheme = g_strdup(g_uri_get_scheme(uri));
	address->host = host_of(uri);
	return take_path(address, g_uri_get_path(uri), shown, error) ? g_steal_pointer(&address)
								     : NULL;
}

char *vk_s3_address_format(const VkS3Address *address)
{
	g_autofree char *text = g_strdup_printf("%s://%s/%s/%s", address->scheme, address->host,
						address->bucket, address->prefix);

	text[strlen(text) - 1] = '\0';
	return g_steal_pointer(&text);
}
