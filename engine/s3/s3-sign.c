/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define DIGEST_SIZE 32
#define DATE_LENGTH 8

typedef struct Digest {
	guint8 bytes[DIGEST_SIZE];
} Digest;

static char *to_hex(const guint8 *bytes)
{
	GString *hex = g_string_sized_new((gsize)2 * DIGEST_SIZE);

	for (guint i = 0; i < DIGEST_SIZE; i++)
		g_string_append_printf(hex, "%02x", bytes[i]);
	return g_string_free(hex, FALSE);
}

char *vk_s3_sha256(const void *bytes, gsize length)
{
	Digest digest;

	if (EVP_Digest(bytes, length, digest.bytes, NULL, EVP_sha256(), NULL) != 1)
		g_error("SHA-256 cannot be used");
	return to_hex(digest.bytes);
}

static Digest hmac(const void *key, gsize key_length, const char *text)
{
	Digest digest;

	if (!HMAC(EVP_sha256(), key, (int)key_length, (const guint8 *)text, strlen(text),
		  digest.bytes, NULL))
		g_error("HMAC cannot be used");
	return digest;
}

/* The key of one day, region and service, which signs its requests. */
static Digest signing_key(const VkS3Key *key, const char *date, const char *region)
{
	char *first = g_strconcat("AWS4", key->secret, NULL);
	Digest digest = hmac(first, strlen(first), date);

	explicit_bzero(first, strlen(first));
	g_free(first);
	digest = hmac(digest.bytes, DIGEST_SIZE, region);
	digest = hmac(digest.bytes, DIGEST_SIZE, "s3");
	return hmac(digest.bytes, DIGEST_SIZE, "aws4_request");
}

static void add(GPtrArray *headers, const char *name, const char *value)
{
	g_ptr_array_add(headers, g_strconcat(name, ":", value, NULL));
}

/* The headers that are signed, sorted, as "name:value". */
static GPtrArray *signed_headers(const VkS3Key *key, const VkS3Signed *request, const char *time)
{
	GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);

	add(headers, "host", request->host);
	add(headers, "x-amz-content-sha256", request->body_sha256);
	add(headers, "x-amz-date", time);
	for (guint i = 0; request->headers && request->headers[i]; i++)
		g_ptr_array_add(headers, g_strdup(request->headers[i]));
	if (key->token)
		add(headers, "x-amz-security-token", key->token);
	return headers;
}

/* "host;x-amz-date". New string. */
static char *names_of(const GPtrArray *headers)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < headers->len; i++) {
		const char *header = g_ptr_array_index(headers, i);

		g_string_append_printf(names, "%s%.*s", i ? ";" : "", (int)strcspn(header, ":"),
				       header);
	}
	return g_string_free(names, FALSE);
}

static char *canonical_hash(const VkS3Signed *request, const GPtrArray *headers, const char *names)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "%s\n%s\n%s\n", request->method, request->path, request->query);
	for (guint i = 0; i < headers->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(headers, i));
	g_string_append_printf(text, "\n%s\n%s", names, request->body_sha256);
	return vk_s3_sha256(text->str, text->len);
}

char **vk_s3_sign(const VkS3Key *key, const VkS3Signed *request)
{
	g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(request->time);
	g_autofree char *time = g_date_time_format(moment, "%Y%m%dT%H%M%SZ");
	g_autofree char *date = g_strndup(time, DATE_LENGTH);
	g_autoptr(GPtrArray) headers = signed_headers(key, request, time);
	g_autofree char *names = names_of(headers);
	g_autofree char *hash = canonical_hash(request, headers, names);
	g_autofree char *scope = g_strdup_printf("%s/%s/s3/aws4_request", date, request->region);
	g_autofree char *to_sign =
		g_strdup_printf("AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, hash);
	Digest day = signing_key(key, date, request->region);
	Digest digest = hmac(day.bytes, DIGEST_SIZE, to_sign);
	g_autofree char *signature = to_hex(digest.bytes);

	explicit_bzero(&day, sizeof(day));
	g_ptr_array_add(headers, g_strdup_printf("Authorization: AWS4-HMAC-SHA256 "
						 "Credential=%s/%s, SignedHeaders=%s, Signature=%s",
						 key->id, scope, names, signature));
	g_ptr_array_add(headers, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&headers), FALSE);
}
