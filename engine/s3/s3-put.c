/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-client-priv.h"

#include "errors.h"

#include <string.h>

/* A server that does not take the condition is asked first. It does not help against a race. */
static gboolean refuse_existing(const VkS3Call *call, GError **error)
{
	g_auto(VkS3Facts) facts = {0};
	g_autoptr(GError) trouble = NULL;

	if (vk_s3_head(call->s3, call->name, &facts, &trouble))
		return vk_s3_fail(call, VK_ERROR_EXISTS, "it exists already", error);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean is_intact(const VkS3Call *call, const char *md5)
{
	g_autofree char *sent = NULL;

	if (!md5 || !vk_s3_has_md5(call->s3))
		return TRUE;
	sent = g_compute_checksum_for_data(G_CHECKSUM_MD5, call->body, call->body_length);
	return strcmp(md5, sent) == 0;
}

static gboolean fail_altered(const VkS3Call *call, GError **error)
{
	/* Nobody may take it for what it should be. */
	if (call->is_new)
		vk_s3_delete(call->s3, call->name, NULL);
	return vk_s3_fail(call, VK_ERROR_FAILED,
			  "the server keeps other bytes than were sent: check the server, and what "
			  "is between",
			  error);
}

static gboolean check_answer(const VkS3Call *call, const VkHttpReply *reply, GError **error)
{
	g_autofree char *md5 = vk_s3_reply_md5(reply);

	if (reply->status != 200 || !vk_http_reply_header(reply, "etag"))
		return vk_s3_fail(call, VK_ERROR_FAILED,
				  "what answers is no server of S3 (no ETag)", error);
	return is_intact(call, md5) || fail_altered(call, error);
}

/*
 * After a put that was perhaps done, which TROUBLE says: the object that is there may be ours. What
 * it contains does not tell, for marks are empty.
 */
static gboolean resolve(const VkS3Call *call, const GError *trouble, GError **error)
{
	g_auto(VkS3Facts) facts = {0};
	g_autoptr(GError) unknown = NULL;
	g_autofree char *text = NULL;

	if (vk_s3_head(call->s3, call->name, &facts, &unknown)) {
		if (g_strcmp0(facts.writer, call->writer) == 0)
			return (facts.size == call->body_length && is_intact(call, facts.md5)) ||
			       fail_altered(call, error);
		if (call->is_new)
			return vk_s3_fail(call, VK_ERROR_EXISTS, "it exists already", error);
	}
	text = g_strdup_printf("it is not known whether it was written: %s",
			       unknown && !g_error_matches(unknown, VK_ERROR, VK_ERROR_NOT_FOUND)
				       ? unknown->message
				       : trouble->message);
	return vk_s3_fail(call, VK_ERROR_FAILED, text, error);
}

gboolean vk_s3_put(VkS3 *s3, const char *name, const void *bytes, gsize length,
		   gboolean may_replace, GError **error)
{
	g_autofree char *writer = g_strdup_printf("%08x%08x%08x%08x", g_random_int(),
						  g_random_int(), g_random_int(), g_random_int());
	VkS3Call call = {
		.s3 = s3,
		.method = "PUT",
		.what = "write",
		.name = name,
		.body = bytes,
		.body_length = length,
		.writer = writer,
		.is_new = !may_replace,
	};
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) trouble = NULL;

	if (!may_replace && vk_s3_lacks_condition(s3) && !refuse_existing(&call, error))
		return FALSE;
	if (vk_s3_call(&call, &reply, &trouble))
		return check_answer(&call, &reply, error);
	if (call.outcome == VK_HTTP_UNSURE || g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return resolve(&call, trouble, error);
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
