/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Notices by HTTP: webhooks, ntfy, Gotify, and pings to what watches that they come. */
#include "target-priv.h"

#include "errors.h"
#include "http.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define REPLY_MAX 65536u
#define PING_MAX  10000u /* bytes; servers cut what is longer */
#define TRIES     3u

/* A request while it is made. */
typedef struct Post {
	char *base, *path; /* of the URL; the path may be a secret */
	char *body;
	GStrvBuilder *headers;
} Post;

static void post_clear(Post *post)
{
	g_free(post->base);
	g_free(post->path);
	g_free(post->body);
	g_strv_builder_unref(post->headers);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Post, post_clear)

/* URL with SUFFIX behind its path, which may have a query. */
static void set_url(Post *post, const char *url, const char *suffix)
{
	const char *host = strstr(url, "://") + strlen("://");
	gsize base = (gsize)(host - url) + strcspn(host, "/?");
	const char *path = url + base;
	gsize length = strcspn(path, "?");
	g_autofree char *bare = NULL;

	while (length > 0 && path[length - 1] == '/' && *suffix)
		length--;
	bare = g_strndup(path, length);
	g_free(post->base);
	g_free(post->path);
	post->base = g_strndup(url, base);
	post->path =
		g_strconcat(*bare || *suffix ? bare : "/", suffix, path + strcspn(path, "?"), NULL);
}

static void add_header(Post *post, const char *name, const char *value)
{
	g_autofree char *header = g_strdup_printf("%s: %s", name, value);

	g_strv_builder_add(post->headers, header);
}

/* OBJECT is taken over. */
static void set_json(Post *post, json_t *object)
{
	post->body = vk_json_line(object);
	json_decref(object);
	add_header(post, "Content-Type", "application/json");
}

/* The receiver computes the same of the body, and knows who sent it. */
static void make_webhook(Post *post, const VkTarget *target, const VkNotice *notice,
			 const char *secret)
{
	g_autofree char *sum = NULL;
	g_autofree char *signature = NULL;

	set_url(post, target->url, "");
	set_json(post, vk_notice_to_json(notice));
	add_header(post, "X-Virtkeep-Event", vk_notice_word(notice->kind));
	add_header(post, "X-Virtkeep-Delivery", notice->id);
	if (!secret)
		return;
	sum = g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guint8 *)secret, strlen(secret),
					post->body, -1);
	signature = g_strdup_printf("sha256=%s", sum);
	add_header(post, "X-Virtkeep-Signature", signature);
}

static gboolean is_bad(const VkNotice *notice)
{
	return notice->kind == VK_NOTICE_FAILURE;
}

/* As JSON to the root, because headers are ASCII. */
static void make_ntfy(Post *post, const VkTarget *target, const VkNotice *notice,
		      const char *secret)
{
	const char *topic = strrchr(target->url, '/') + 1;
	g_autofree char *root = g_strndup(target->url, (gsize)(topic - target->url));
	g_autofree char *bearer = secret ? g_strdup_printf("Bearer %s", secret) : NULL;

	set_url(post, root, "");
	set_json(post, json_pack("{s:o, s:o, s:o, s:i, s:[s]}", "topic", vk_json_new_string(topic),
				 "title", vk_json_new_string(notice->subject), "message",
				 vk_json_new_string(notice->text), "priority",
				 is_bad(notice) ? 4 : 3, "tags",
				 is_bad(notice)                      ? "rotating_light"
				 : notice->kind == VK_NOTICE_WARNING ? "warning"
								     : "white_check_mark"));
	if (bearer)
		add_header(post, "Authorization", bearer);
}

static void make_gotify(Post *post, const VkTarget *target, const VkNotice *notice,
			const char *secret)
{
	set_url(post, target->url, "/message");
	set_json(post, json_pack("{s:o, s:o, s:i}", "title", vk_json_new_string(notice->subject),
				 "message", vk_json_new_string(notice->text), "priority",
				 is_bad(notice) ? 8 : 4));
	add_header(post, "X-Gotify-Key", secret);
}

static void make_ping(Post *post, const VkTarget *target, const VkNotice *notice)
{
	set_url(post, target->url,
		is_bad(notice)                    ? "/fail"
		: notice->kind == VK_NOTICE_START ? "/start"
						  : "");
	post->body = g_utf8_substring(notice->text, 0,
				      MIN(g_utf8_strlen(notice->text, -1), (glong)PING_MAX / 4));
	add_header(post, "Content-Type", "text/plain; charset=utf-8");
}

static VkHttpOutcome judge(const VkHttpReply *reply, gpointer data, GError **error)
{
	VkHttpOutcome outcome = vk_http_outcome_of(reply->status);

	if (outcome != VK_HTTP_DONE)
		vk_fail(error, VK_ERROR_FAILED, "the server answers with HTTP status %u%s",
			reply->status,
			reply->status == 401 || reply->status == 403
				? ": check user and the files with the secrets"
			: reply->status == 404 ? ": check url"
					       : "");
	return outcome;
}

/* The paths of webhooks and pings are as good as passwords. */
static void propagate_without(GError **error, GError *trouble, const char *path)
{
	g_autoptr(GString) text = g_string_new(trouble->message);

	if (strlen(path) > 1)
		g_string_replace(text, path, "/...", 0);
	vk_fail(error, trouble->code, "%s", text->str);
	g_error_free(trouble);
}

static gboolean send(const VkTarget *target, const Post *post, const char *password,
		     gint64 deadline, GError **error)
{
	const VkHttpOptions options = {
		.name = "it was not sent",
		.url = post->base,
		.ca_file = target->ca_file,
		.trust_advice = "set ca_file to the certificate that signed the server's",
		.may_be_plain = g_str_has_prefix(post->base, "http:"),
		.reply_max = REPLY_MAX,
		.tries = TRIES,
	};
	g_auto(GStrv) headers = g_strv_builder_end(post->headers);
	const VkHttpRequest request = {
		.method = "POST",
		.path = post->path,
		.body = post->body,
		.body_length = strlen(post->body),
		.headers = (const char *const *)headers,
		.user = target->user,
		.password = password,
		.judge = judge,
	};
	g_auto(VkHttpReply) reply = {0};
	GError *trouble = NULL;
	VkHttp *http = vk_http_new(&options);
	gboolean done = vk_http_send(http, &request, deadline, &reply, &trouble) == VK_HTTP_DONE;

	vk_http_free(http);
	if (trouble)
		propagate_without(error, trouble, post->path);
	return done;
}

gboolean vk_target_send_http(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			     GError **error)
{
	g_auto(Post) post = {.headers = g_strv_builder_new()};
	g_autofree char *secret = NULL;
	g_autofree char *password = NULL;

	if (!vk_target_secret(target, target->secret_file, &secret, error) ||
	    !vk_target_secret(target, target->password_file, &password, error))
		return FALSE;
	if (g_str_equal(target->kind, "webhook"))
		make_webhook(&post, target, notice, secret);
	else if (g_str_equal(target->kind, "ntfy"))
		make_ntfy(&post, target, notice, secret);
	else if (g_str_equal(target->kind, "gotify"))
		make_gotify(&post, target, notice, secret);
	else
		make_ping(&post, target, notice);
	return send(target, &post, password, deadline, error);
}
