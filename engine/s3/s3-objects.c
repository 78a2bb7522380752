/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-client-priv.h"

#include "errors.h"

#include <curl/curl.h>
#include <string.h>

#define MD5_DIGITS 32u

void vk_s3_facts_clear(VkS3Facts *facts)
{
	g_free(facts->tag);
	g_free(facts->md5);
	g_free(facts->writer);
	*facts = (VkS3Facts){0};
}

/* What is encrypted for the server's own keys alone keeps the ETag that it has in the clear. */
static gboolean is_encrypted(const VkHttpReply *reply)
{
	const char *method = vk_http_reply_header(reply, "x-amz-server-side-encryption");

	return (method && strcmp(method, "AES256") != 0) ||
	       vk_http_reply_header(reply, "x-amz-server-side-encryption-customer-algorithm");
}

char *vk_s3_reply_md5(const VkHttpReply *reply)
{
	const char *tag = vk_http_reply_header(reply, "etag");

	if (!tag || is_encrypted(reply) || strlen(tag) != MD5_DIGITS + 2 || *tag != '"')
		return NULL;
	for (gsize i = 1; i <= MD5_DIGITS; i++)
		if (!g_ascii_isxdigit(tag[i]))
			return NULL;
	return g_ascii_strdown(tag + 1, MD5_DIGITS);
}

/*
 * Any server on the way may say 404, and to HEAD nobody says more. That a key is not there, only a
 * server of S3 says, when it is asked for a part of it. Sets VK_ERROR_NOT_FOUND then, else another
 * error; returns FALSE.
 */
static gboolean fail_absent(const VkS3Call *call, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	guint8 byte;

	if (vk_s3_get(call->s3, call->name, 0, &byte, 1, &trouble))
		return vk_s3_fail(call, VK_ERROR_FAILED,
				  "the server says that it is there, and that it is not", error);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

gboolean vk_s3_head(VkS3 *s3, const char *name, VkS3Facts *ret, GError **error)
{
	VkS3Call call = {.s3 = s3, .method = "HEAD", .what = "look at", .name = name};
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) trouble = NULL;
	const char *length, *stored, *tag;

	if (!vk_s3_call(&call, &reply, &trouble)) {
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			return fail_absent(&call, error);
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	*ret = (VkS3Facts){0};
	length = vk_http_reply_header(&reply, "content-length");
	if (!length || !g_ascii_string_to_unsigned(length, 10, 0, G_MAXINT64, &ret->size, NULL))
		return vk_s3_fail(&call, VK_ERROR_FAILED, "the server does not say its size",
				  error);
	stored = vk_http_reply_header(&reply, "last-modified");
	ret->stored = stored ? MAX((gint64)curl_getdate(stored, NULL), 0) : 0;
	tag = vk_http_reply_header(&reply, "etag");
	ret->tag = g_strdup(tag ? tag : "");
	ret->md5 = vk_s3_reply_md5(&reply);
	ret->writer = g_strdup(vk_http_reply_header(&reply, "x-amz-meta-writer"));
	return TRUE;
}

gboolean vk_s3_total_size(const VkHttpReply *reply, guint64 *ret)
{
	const char *range = vk_http_reply_header(reply, "content-range");
	const char *slash = range ? strrchr(range, '/') : NULL;

	return slash && g_ascii_string_to_unsigned(slash + 1, 10, 0, G_MAXINT64, ret, NULL);
}

guint64 vk_s3_part_length(const VkS3Call *call, guint64 total)
{
	return MIN(call->part_length, call->is_suffix ? total : total - call->offset);
}

/* The range may be left out of account, and *RET_TOTAL, the size of the whole object. */
static gboolean check_range(const VkS3Call *call, const VkHttpReply *reply, guint64 *ret_total,
			    GError **error)
{
	const char *range = vk_http_reply_header(reply, "content-range");
	gboolean has_total = vk_s3_total_size(reply, ret_total);
	guint64 length = has_total ? vk_s3_part_length(call, *ret_total) : 0;
	guint64 offset = call->is_suffix && has_total ? *ret_total - length : call->offset;
	g_autofree char *start = g_strdup_printf("bytes %" G_GUINT64_FORMAT "-", offset);

	return (reply->status == 206 && has_total && g_str_has_prefix(range, start) &&
		reply->text->len == length) ||
	       vk_s3_fail(call, VK_ERROR_FAILED,
			  "the server does not give the part that it was asked for", error);
}

gboolean vk_s3_get(VkS3 *s3, const char *name, guint64 offset, void *buf, gsize length,
		   GError **error)
{
	g_autofree char *range = g_strdup_printf("bytes=%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT,
						 offset, offset + length - 1);
	VkS3Call call = {.s3 = s3,
			 .method = "GET",
			 .what = "read",
			 .name = name,
			 .range = range,
			 .offset = offset,
			 .part_length = length};
	g_auto(VkHttpReply) reply = {0};
	guint64 total;

	if (!vk_s3_call(&call, &reply, error) || !check_range(&call, &reply, &total, error))
		return FALSE;
	if (reply.text->len != length)
		return vk_s3_fail(&call, VK_ERROR_DAMAGE, "it is truncated", error);
	memcpy(buf, reply.text->str, length);
	return TRUE;
}

static GBytes *take_text(VkHttpReply *reply)
{
	return g_string_free_to_bytes(g_steal_pointer(&reply->text));
}

GBytes *vk_s3_get_all(VkS3 *s3, const char *name, gsize limit, GError **error)
{
	/* One byte more than allowed shows that there is more. */
	g_autofree char *range = g_strdup_printf("bytes=0-%" G_GSIZE_FORMAT, limit);
	VkS3Call call = {.s3 = s3,
			 .method = "GET",
			 .what = "read",
			 .name = name,
			 .range = range,
			 .part_length = limit + 1};
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) trouble = NULL;
	guint64 size = 0;

	if (!vk_s3_call(&call, &reply, &trouble)) {
		/* No range fits an empty object. */
		if (reply.status == 416)
			return g_bytes_new(NULL, 0);
		g_propagate_error(error, g_steal_pointer(&trouble));
		return NULL;
	}
	if (!check_range(&call, &reply, &size, error))
		return NULL;
	if (size <= limit)
		return take_text(&reply);
	vk_s3_fail(&call, VK_ERROR_DAMAGE, "it is damaged: it is larger than allowed", error);
	return NULL;
}

GBytes *vk_s3_get_tail(VkS3 *s3, const char *name, gsize length, guint64 *ret_size, GError **error)
{
	g_autofree char *range = g_strdup_printf("bytes=-%" G_GSIZE_FORMAT, length);
	VkS3Call call = {.s3 = s3,
			 .method = "GET",
			 .what = "read",
			 .name = name,
			 .range = range,
			 .is_suffix = TRUE,
			 .part_length = length};
	g_auto(VkHttpReply) reply = {0};

	return vk_s3_call(&call, &reply, error) && check_range(&call, &reply, ret_size, error)
		       ? take_text(&reply)
		       : NULL;
}

gboolean vk_s3_delete(VkS3 *s3, const char *name, GError **error)
{
	VkS3Call call = {.s3 = s3, .method = "DELETE", .what = "remove", .name = name};
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) trouble = NULL;

	if (vk_s3_call(&call, &reply, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
