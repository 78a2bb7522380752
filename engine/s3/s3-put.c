/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-client-priv.h"

#include "errors.h"

/*
 * The answer to an earlier try may have been lost: the object that is there may be ours. What it
 * contains does not tell, for marks are empty.
 */
static gboolean is_ours(const VkS3Call *call)
{
	g_auto(VkS3Facts) facts = {0};

	return vk_s3_head(call->s3, call->name, &facts, NULL) &&
	       g_strcmp0(facts.writer, call->writer) == 0 && facts.size == call->body_length;
}

static gboolean lacks_condition(VkS3 *s3)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	return s3->lacks_condition;
}

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

	if (!may_replace && lacks_condition(s3) && !refuse_existing(&call, error))
		return FALSE;
	if (vk_s3_call(&call, &reply, &trouble))
		return (reply.status == 200 && vk_http_reply_header(&reply, "etag")) ||
		       vk_s3_fail(&call, VK_ERROR_FAILED,
				  "what answers is no server of S3 (no ETag)", error);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS) && is_ours(&call))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
