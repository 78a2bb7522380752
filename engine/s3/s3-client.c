/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-client-priv.h"

#include "s3-sign.h"

#include "errors.h"
#include "polling.h"

#include <string.h>

/* The largest object that is got at once is far below it. */
#define REPLY_MAX    (80u << 20)
#define TRIES        10
#define STALL_SEC    60
#define DEADLINE_SEC 300
#define SLOWED_SEC   60

VkS3 *vk_s3_new(VkS3Address *address, VkS3Key *key, const VkS3Options *options)
{
	VkS3 *s3 = g_new0(VkS3, 1);
	g_autofree char *url = NULL;

	s3->address = address;
	s3->keys = g_ptr_array_new_with_free_func((GDestroyNotify)vk_s3_key_free);
	g_ptr_array_add(s3->keys, key);
	s3->find_key = options->find_key;
	s3->key_file = g_strdup(options->key_file);
	s3->key_profile = g_strdup(options->key_profile);
	s3->region = g_strdup(options->region);
	s3->has_bucket_host = options->has_bucket_host;
	s3->host = options->has_bucket_host ? g_strconcat(address->bucket, ".", address->host, NULL)
					    : g_strdup(address->host);
	s3->name = g_strdup_printf("bucket '%s' at '%s'", address->bucket, address->host);
	s3->warn = options->warn;
	g_mutex_init(&s3->mutex);
	url = g_strdup_printf("%s://%s", address->scheme, s3->host);
	s3->http = vk_http_new(&(VkHttpOptions){
		.name = s3->name,
		.url = url,
		.ca_file = options->ca_file,
		.trust_advice = "name its certificate's authority by s3_ca_file in [vault]",
		.may_be_plain = TRUE,
		.reply_max = REPLY_MAX,
		.tries = TRIES,
		.stall = STALL_SEC,
	});
	return s3;
}

void vk_s3_free(VkS3 *s3)
{
	if (!s3)
		return;
	vk_http_free(s3->http);
	vk_s3_address_free(s3->address);
	g_ptr_array_unref(s3->keys);
	g_mutex_clear(&s3->mutex);
	g_free(s3->region);
	g_free(s3->key_file);
	g_free(s3->key_profile);
	g_free(s3->host);
	g_free(s3->name);
	g_free(s3);
}

gboolean vk_s3_is_slowed(VkS3 *s3)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	return s3->slowed != 0 &&
	       g_get_monotonic_time() - s3->slowed < (gint64)SLOWED_SEC * G_USEC_PER_SEC;
}

gboolean vk_s3_lacks_condition(VkS3 *s3)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	return s3->lacks_condition;
}

gboolean vk_s3_has_md5(VkS3 *s3)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	return s3->has_md5;
}

/* The headers of one try, which bear its time. */
static char **sign(gpointer data)
{
	VkS3Call *call = data;
	VkS3 *s3 = call->s3;
	g_autofree char *writer =
		call->writer ? g_strconcat("x-amz-meta-writer:", call->writer, NULL) : NULL;
	const char *const headers[] = {writer, NULL};
	VkS3Signed request = {
		.method = call->method,
		.host = s3->host,
		.path = call->path,
		.query = call->query ? call->query : "",
		.body_sha256 = call->body_sha256,
		.headers = headers,
		.region = s3->region,
	};
	g_autoptr(GStrvBuilder) all = g_strv_builder_new();
	gboolean is_new = call->is_new;

	g_mutex_lock(&s3->mutex);
	call->ahead = s3->ahead;
	call->key = g_ptr_array_index(s3->keys, s3->keys->len - 1);
	is_new = is_new && !s3->lacks_condition;
	g_mutex_unlock(&s3->mutex);
	request.time = g_get_real_time() / G_USEC_PER_SEC + call->ahead;
	g_auto(GStrv) own = vk_s3_sign(call->key, &request);
	for (guint i = 0; own[i]; i++)
		g_strv_builder_add(all, own[i]);
	if (is_new)
		g_strv_builder_add(all, "If-None-Match: *");
	return g_strv_builder_end(all);
}

static char *path_of(const VkS3Call *call)
{
	const VkS3Address *address = call->s3->address;
	const char *bucket = call->s3->has_bucket_host ? "" : address->bucket;
	const char *slash = *bucket ? "/" : "";

	return call->query ? g_strconcat("/", bucket, NULL)
			   : g_strconcat("/", bucket, slash, address->prefix, call->name, NULL);
}

gboolean vk_s3_call(VkS3Call *call, VkHttpReply *ret, GError **error)
{
	g_autofree char *range = call->range ? g_strconcat("Range: ", call->range, NULL) : NULL;
	g_autofree char *sha256 = vk_s3_sha256(call->body, call->body_length);
	g_autofree char *path = path_of(call);
	g_autofree char *target =
		call->query ? g_strconcat(path, "?", call->query, NULL) : g_strdup(path);
	/* libcurl would wait for "100 Continue", and say that the body is a form. */
	const char *headers[] = {"Expect:", "Content-Type:", "Accept:", range, NULL};
	VkHttpRequest request = {
		.method = call->method,
		.path = target,
		.body = call->body,
		.body_length = call->body_length,
		.headers = headers,
		.sign = sign,
		.judge = vk_s3_judge,
		.data = call,
	};

	call->body_sha256 = sha256;
	call->path = path;
	call->outcome =
		vk_http_send(call->s3->http, &request, vk_deadline(DEADLINE_SEC), ret, error);
	call->body_sha256 = call->path = NULL;
	return call->outcome == VK_HTTP_DONE;
}
