/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-http.h"

#include "errors.h"
#include "http.h"
#include "json.h"
#include "ontap-login.h"
#include "text.h"

#include <string.h>

#define REPLY_MAX ((gsize)32 * 1024 * 1024)

struct VkOntapHttp {
	VkHttp *http; /* NULL: the section has no url */
	char *name, *user;
	gboolean is_insecure;
	VkWarn warn;
	VkOntapLogin *login;
	GMutex mutex; /* guards what follows */
	gboolean warned;
};

/* One request and what has come of it. */
typedef struct Exchange {
	const VkOntapHttp *http;
	const VkHttpRequest *request;
	VkOntapReply *reply;
} Exchange;

void vk_ontap_reply_clear(VkOntapReply *reply)
{
	g_clear_pointer(&reply->body, json_decref);
	g_clear_pointer(&reply->location, g_free);
	*reply = (VkOntapReply){0};
}

static VkHttp *connect_to(const VkSettings *settings, const char *name, gboolean is_insecure)
{
	g_autofree char *title = g_strdup_printf("array '%s'", name);
	VkHttpOptions options = {
		.name = title,
		.url = vk_settings_get_named(settings, "array", name, "url"),
		.ca_file = vk_settings_get_named(settings, "array", name, "ca_file"),
		.client_cert = vk_settings_get_named(settings, "array", name, "client_cert"),
		.client_key = vk_settings_get_named(settings, "array", name, "client_key"),
		.trust_advice = "set ca_file to the array's certificate (or, unsafely, insecure = "
				"yes)",
		.is_insecure = is_insecure,
		.reply_max = REPLY_MAX,
	};

	return options.url ? vk_http_new(&options) : NULL;
}

VkOntapHttp *vk_ontap_http_new(const VkSettings *settings, const char *name, VkWarn warn)
{
	VkOntapHttp *http = g_new0(VkOntapHttp, 1);
	const char *insecure = vk_settings_get_named(settings, "array", name, "insecure");

	http->is_insecure = strcmp(insecure, "yes") == 0;
	http->http = connect_to(settings, name, http->is_insecure);
	http->name = g_strdup(name);
	http->user = g_strdup(vk_settings_get_named(settings, "array", name, "user"));
	http->warn = warn;
	http->login = vk_ontap_login_new(settings, name, warn);
	g_mutex_init(&http->mutex);
	return http;
}

void vk_ontap_http_free(VkOntapHttp *http)
{
	if (!http)
		return;
	vk_http_free(http->http);
	vk_ontap_login_free(http->login);
	g_free(http->name);
	g_free(http->user);
	g_mutex_clear(&http->mutex);
	g_free(http);
}

guint64 vk_ontap_code(const json_t *value)
{
	if (json_is_integer(value))
		return (guint64)MAX(json_integer_value(value), 0);
	return json_is_string(value) ? g_ascii_strtoull(json_string_value(value), NULL, 10) : 0;
}

static const char *remedy_of(guint status)
{
	switch (status) {
	case 401:
		return "; check user, password_file and client_cert (it is not tried again, "
		       "because that could lock the account)";
	case 403:
		return "; give its role on the array what virtkeep-arrays(7) lists";
	default:
		return "";
	}
}

/* ONTAP's text for an error; MESSAGE is nullable. */
static void fail_status(const Exchange *exchange, const char *message, GError **error)
{
	const VkOntapReply *reply = exchange->reply;
	VkErrorCode class = reply->status == 403 ? VK_ERROR_DENIED : VK_ERROR_FAILED;

	if (message) {
		g_autofree char *words = vk_printable_foreign(message);

		vk_fail(error, class, "array '%s': %s (code %" G_GUINT64_FORMAT ")%s",
			exchange->http->name, words, reply->code, remedy_of(reply->status));
	} else {
		vk_fail(error, class, "array '%s': it answered HTTP %u to %s '%s'%s",
			exchange->http->name, reply->status, exchange->request->method,
			exchange->request->path, remedy_of(reply->status));
	}
}

static VkHttpOutcome judge_status(const Exchange *exchange, GError **error)
{
	VkOntapReply *reply = exchange->reply;
	VkHttpOutcome outcome = vk_http_outcome_of(reply->status);
	const json_t *trouble = json_object_get(reply->body, "error");
	const char *message = vk_json_optional_string(trouble, "message");

	reply->code = vk_ontap_code(json_object_get(trouble, "code"));
	/* A job that has failed is a record as others are. */
	if (outcome == VK_HTTP_DONE && (!trouble || json_object_get(reply->body, "uuid")))
		return outcome;
	fail_status(exchange, message, error);
	if (outcome == VK_HTTP_NOT_DONE || (message && strstr(message, "temporarily locked")))
		return VK_HTTP_NOT_DONE;
	/* An error of ONTAP's own is final. */
	return trouble ? VK_HTTP_REFUSED : outcome;
}

static VkHttpOutcome judge_reply(const VkHttpReply *http_reply, gpointer data, GError **error)
{
	const Exchange *exchange = data;
	VkOntapReply *reply = exchange->reply;
	const GString *text = http_reply->text;

	vk_ontap_reply_clear(reply);
	reply->status = http_reply->status;
	reply->length = text->len;
	if (text->len > 0)
		reply->body = json_loadb(text->str, text->len, JSON_ALLOW_NUL, NULL);
	if (text->len == 0 || json_is_object(reply->body)) {
		if (!reply->body)
			reply->body = json_object();
		return judge_status(exchange, error);
	}
	g_clear_pointer(&reply->body, json_decref);
	reply->body = json_object();
	if (reply->status / 100 != 2)
		return judge_status(exchange, error);
	vk_fail(error, VK_ERROR_FAILED,
		"array '%s': it answered %s '%s' with something that is not a JSON object",
		exchange->http->name, exchange->request->method, exchange->request->path);
	return VK_HTTP_UNSURE;
}

/* Any server that answers gets the password: a warning says that once. */
static void warn_of_insecurity(VkOntapHttp *http)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&http->mutex);

	if (http->is_insecure && !http->warned)
		http->warn("array '%s': its certificate is not verified (insecure = yes)",
			   http->name);
	http->warned = TRUE;
}

static gboolean send_logged_in(VkOntapHttp *http, const VkHttpRequest *request, gint64 deadline,
			       VkOntapReply *ret, GError **error)
{
	Exchange exchange = {.http = http, .request = request, .reply = ret};
	g_auto(VkHttpReply) reply = {0};
	VkHttpRequest judged = *request;
	VkHttpOutcome outcome;

	judged.judge = judge_reply;
	judged.data = &exchange;
	warn_of_insecurity(http);
	outcome = vk_http_send(http->http, &judged, deadline, &reply, error);
	/* Nothing came back in the end: an earlier reply is not the answer. */
	if (!reply.status) {
		vk_ontap_reply_clear(ret);
		ret->body = json_object();
	}
	ret->location = g_strdup(vk_http_reply_header(&reply, "location"));
	ret->is_unsure = outcome == VK_HTTP_UNSURE;
	return outcome == VK_HTTP_DONE;
}

gboolean vk_ontap_http_send(VkOntapHttp *http, const char *method, const char *url,
			    const json_t *body, gint64 deadline, VkOntapReply *ret, GError **error)
{
	g_autofree char *text = body ? vk_json_line(body) : NULL;
	/* Without links but those to the next page. */
	const char *headers[] = {
		"Accept: application/json",
		"X-Dot-Client-App: virtkeep/" VK_VERSION,
		text ? "Content-Type: application/json" : NULL,
		NULL,
	};
	VkHttpRequest request = {.method = method,
				 .path = url,
				 .body = text,
				 .body_length = text ? strlen(text) : 0,
				 .headers = headers};
	VkOntapLoginTry login;
	gboolean done;

	if (!http->http)
		return vk_fail(error, VK_ERROR_USAGE, "array '%s': its section has no url",
			       http->name);
	if (!vk_ontap_login_begin(http->login, &login, error))
		return FALSE;
	if (login.password) {
		request.user = http->user;
		request.password = login.password;
	}
	done = send_logged_in(http, &request, deadline, ret, error);
	vk_ontap_login_end(http->login, &login, ret->status);
	return done;
}
