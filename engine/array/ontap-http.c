/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-http.h"

#include "errors.h"
#include "json.h"
#include "log.h"
#include "ontap-login.h"
#include "text.h"

#include <curl/curl.h>
#include <string.h>

#define REPLY_MAX      ((gsize)32 * 1024 * 1024)
#define CONNECT_MS     10000
#define TRIES          6
#define FIRST_PAUSE_US (G_USEC_PER_SEC / 4)

struct VkOntapHttp {
	char *name, *url, *user, *ca_file, *client_cert, *client_key;
	gboolean is_insecure;
	VkOntapLogin *login;
	GMutex mutex;    /* guards what follows */
	GPtrArray *idle; /* CURL: connections to be used again */
	gboolean warned;
};

typedef enum {
	OUTCOME_DONE,
	OUTCOME_NOT_DONE, /* may be tried again, whatever it is */
	OUTCOME_UNSURE,
	OUTCOME_REFUSED,
} Outcome;

/* One request and what has come of it. */
typedef struct Exchange {
	VkOntapHttp *http;
	const char *method, *url;
	char *text; /* of the body; nullable */
	VkOntapLoginTry login;
	GString *received;
	gboolean too_long;
	char curl_error[CURL_ERROR_SIZE];
	curl_off_t retry_after; /* seconds */
	VkOntapReply *reply;
} Exchange;

void vk_ontap_reply_clear(VkOntapReply *reply)
{
	g_clear_pointer(&reply->body, json_decref);
	g_clear_pointer(&reply->location, g_free);
	*reply = (VkOntapReply){0};
}

static void init_curl(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		g_once_init_leave(&done, 1);
	}
}

VkOntapHttp *vk_ontap_http_new(const VkSettings *settings, const char *name)
{
	VkOntapHttp *http = g_new0(VkOntapHttp, 1);
	const char *url = vk_settings_get_named(settings, "array", name, "url");
	const char *insecure = vk_settings_get_named(settings, "array", name, "insecure");

	init_curl();
	http->name = g_strdup(name);
	http->url = g_strdup(url);
	while (http->url && g_str_has_suffix(http->url, "/"))
		http->url[strlen(http->url) - 1] = '\0';
	http->user = g_strdup(vk_settings_get_named(settings, "array", name, "user"));
	http->ca_file = g_strdup(vk_settings_get_named(settings, "array", name, "ca_file"));
	http->client_cert = g_strdup(vk_settings_get_named(settings, "array", name, "client_cert"));
	http->client_key = g_strdup(vk_settings_get_named(settings, "array", name, "client_key"));
	http->is_insecure = strcmp(insecure, "yes") == 0;
	http->login = vk_ontap_login_new(settings, name);
	g_mutex_init(&http->mutex);
	http->idle = g_ptr_array_new_with_free_func(curl_easy_cleanup);
	return http;
}

void vk_ontap_http_free(VkOntapHttp *http)
{
	if (!http)
		return;
	g_ptr_array_unref(http->idle);
	vk_ontap_login_free(http->login);
	g_free(http->name);
	g_free(http->url);
	g_free(http->user);
	g_free(http->ca_file);
	g_free(http->client_cert);
	g_free(http->client_key);
	g_mutex_clear(&http->mutex);
	g_free(http);
}

static size_t receive(char *data, size_t size, size_t count, void *user)
{
	Exchange *exchange = user;

	exchange->too_long = exchange->received->len + size * count > REPLY_MAX;
	if (exchange->too_long)
		return 0;
	g_string_append_len(exchange->received, data, (gssize)(size * count));
	return size * count;
}

static size_t receive_header(char *data, size_t size, size_t count, void *user)
{
	static const char location[] = "location:";
	Exchange *exchange = user;
	gsize length = size * count;

	if (length > strlen(location) &&
	    g_ascii_strncasecmp(data, location, strlen(location)) == 0) {
		g_free(exchange->reply->location);
		exchange->reply->location =
			g_strstrip(g_strndup(data + strlen(location), length - strlen(location)));
	}
	return length;
}

static void set_login(const Exchange *exchange, CURL *curl)
{
	const VkOntapHttp *http = exchange->http;

	if (exchange->login.password) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, http->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, exchange->login.password);
	}
	if (http->client_cert)
		curl_easy_setopt(curl, CURLOPT_SSLCERT, http->client_cert);
	if (http->client_key)
		curl_easy_setopt(curl, CURLOPT_SSLKEY, http->client_key);
	if (http->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
	if (http->is_insecure) {
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* A connection of our own until it is put back. */
static CURL *take_connection(VkOntapHttp *http, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&http->mutex);
	CURL *curl;

	if (http->is_insecure && !http->warned)
		vk_log_warning("array '%s': its certificate is not verified (insecure = yes)",
			       http->name);
	http->warned = TRUE;
	curl = http->idle->len ? g_ptr_array_steal_index_fast(http->idle, http->idle->len - 1)
			       : curl_easy_init();
	if (!curl)
		vk_fail(error, VK_ERROR_FAILED, "libcurl cannot be used");
	return curl;
}

static void put_connection(VkOntapHttp *http, CURL *curl)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&http->mutex);

	/* The open connection stays. */
	curl_easy_reset(curl);
	g_ptr_array_add(http->idle, curl);
}

static void set_request(Exchange *exchange, CURL *curl, gint64 deadline)
{
	gint64 left_ms = MAX((deadline - g_get_monotonic_time()) / 1000, 1);
	g_autofree char *url = g_strconcat(exchange->http->url, exchange->url, NULL);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->curl_error);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(left_ms, CONNECT_MS));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	if (strcmp(exchange->method, "POST") == 0 || strcmp(exchange->method, "PATCH") == 0) {
		const char *text = exchange->text ? exchange->text : "";

		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
		/* What a kept connection has lost, libcurl would send again of its own accord. */
		curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
	set_login(exchange, curl);
}

/* It did not get through. *RET_OUTCOME says whether the array may have seen it. */
static void judge_failure(const Exchange *exchange, CURL *curl, CURLcode result,
			  Outcome *ret_outcome, GError **error)
{
	const VkOntapHttp *http = exchange->http;
	const char *text =
		*exchange->curl_error ? exchange->curl_error : curl_easy_strerror(result);
	curl_off_t connected = 0;

	curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	*ret_outcome = connected > 0 ? OUTCOME_UNSURE : OUTCOME_NOT_DONE;
	if (exchange->too_long) {
		/* That it was done is likely; a question would get the same answer again. */
		*ret_outcome =
			strcmp(exchange->method, "GET") == 0 ? OUTCOME_REFUSED : OUTCOME_UNSURE;
		text = "the reply is too long";
	} else if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
		   result == CURLE_SSL_CERTPROBLEM) {
		*ret_outcome = OUTCOME_REFUSED;
		vk_fail(error, VK_ERROR_FAILED,
			"array '%s': no trusted connection with '%s': %s; set ca_file to the "
			"array's "
			"certificate (or, unsafely, insecure = yes)",
			http->name, http->url, text);
		return;
	}
	vk_fail(error, VK_ERROR_FAILED, "array '%s': %s '%s%s' failed: %s", http->name,
		exchange->method, http->url, exchange->url, text);
}

guint64 vk_ontap_code(const json_t *value)
{
	if (json_is_integer(value))
		return (guint64)MAX(json_integer_value(value), 0);
	return json_is_string(value) ? g_ascii_strtoull(json_string_value(value), NULL, 10) : 0;
}

static const char *cure_of(guint status)
{
	switch (status) {
	case 401:
		return "; check user, password_file and client_cert (it is not tried again, lest "
		       "the account gets locked)";
	case 403:
		return "; give its role on the array what virtkeep-arrays(7) lists";
	default:
		return "";
	}
}

static Outcome judge_status(const Exchange *exchange, GError **error)
{
	VkOntapReply *reply = exchange->reply;
	const json_t *trouble = json_object_get(reply->body, "error");
	const char *message = vk_json_optional_string(trouble, "message");
	VkErrorCode class = reply->status == 403 ? VK_ERROR_DENIED : VK_ERROR_FAILED;

	reply->code = vk_ontap_code(json_object_get(trouble, "code"));
	/* A job that has failed is a record as others are. */
	if (reply->status / 100 == 2 && (!trouble || json_object_get(reply->body, "uuid")))
		return OUTCOME_DONE;
	if (message) {
		g_autofree char *words = vk_printable_foreign(message);

		vk_fail(error, class, "array '%s': %s (code %" G_GUINT64_FORMAT ")%s",
			exchange->http->name, words, reply->code, cure_of(reply->status));
	} else {
		vk_fail(error, class, "array '%s': it answered HTTP %u to %s '%s'%s",
			exchange->http->name, reply->status, exchange->method, exchange->url,
			cure_of(reply->status));
	}
	if (reply->status == 429 || reply->status == 503 ||
	    (message && strstr(message, "temporarily locked")))
		return OUTCOME_NOT_DONE;
	return reply->status >= 500 && !trouble ? OUTCOME_UNSURE : OUTCOME_REFUSED;
}

static Outcome judge_reply(Exchange *exchange, GError **error)
{
	VkOntapReply *reply = exchange->reply;

	reply->length = exchange->received->len;
	if (exchange->received->len == 0)
		reply->body = json_object();
	else
		reply->body = json_loadb(exchange->received->str, exchange->received->len,
					 JSON_ALLOW_NUL, NULL);
	if (json_is_object(reply->body))
		return judge_status(exchange, error);
	g_clear_pointer(&reply->body, json_decref);
	reply->body = json_object();
	if (reply->status / 100 != 2)
		return judge_status(exchange, error);
	vk_fail(error, VK_ERROR_FAILED,
		"array '%s': it answered %s '%s' with something that is no JSON object",
		exchange->http->name, exchange->method, exchange->url);
	return OUTCOME_UNSURE;
}

static Outcome try_once(Exchange *exchange, CURL *curl, gint64 deadline, GError **error)
{
	Outcome outcome;
	CURLcode result;
	long status = 0;

	vk_ontap_reply_clear(exchange->reply);
	g_string_truncate(exchange->received, 0);
	exchange->too_long = FALSE;
	exchange->retry_after = 0;
	set_request(exchange, curl, deadline);
	result = curl_easy_perform(curl);
	if (result != CURLE_OK) {
		exchange->reply->body = json_object();
		judge_failure(exchange, curl, result, &outcome, error);
		return outcome;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &exchange->retry_after);
	exchange->reply->status = (guint)status;
	return judge_reply(exchange, error);
}

/* FALSE when the deadline comes first. */
static gboolean wait_before(const Exchange *exchange, guint tries, gint64 deadline)
{
	gint64 pause = MAX((gint64)FIRST_PAUSE_US << tries,
			   (gint64)MIN(exchange->retry_after, 60) * G_USEC_PER_SEC);

	if (g_get_monotonic_time() + pause >= deadline)
		return FALSE;
	g_usleep((gulong)pause);
	return TRUE;
}

static Outcome try_often(Exchange *exchange, CURL *curl, gint64 deadline, GError **error)
{
	gboolean is_repeatable =
		strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "DELETE") == 0;

	for (guint tries = 0;; tries++) {
		g_autoptr(GError) trouble = NULL;
		Outcome outcome = try_once(exchange, curl, deadline, &trouble);

		if (outcome == OUTCOME_DONE)
			return outcome;
		if (outcome == OUTCOME_REFUSED || (outcome == OUTCOME_UNSURE && !is_repeatable) ||
		    tries + 1 >= TRIES || !wait_before(exchange, tries, deadline)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return outcome;
		}
		vk_log_debug("%s; trying again", trouble->message);
	}
}

/* Sends what EXCHANGE tells until it is decided. */
static gboolean send_logged_in(Exchange *exchange, gint64 deadline, GError **error)
{
	CURL *curl = take_connection(exchange->http, error);
	struct curl_slist *headers = NULL;
	Outcome outcome;

	if (!curl)
		return FALSE;
	/* Without links but those to the next page. */
	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, "X-Dot-Client-App: virtkeep/" VK_VERSION);
	if (exchange->text)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	outcome = try_often(exchange, curl, deadline, error);
	exchange->reply->is_unsure = outcome == OUTCOME_UNSURE;
	put_connection(exchange->http, curl);
	curl_slist_free_all(headers);
	return outcome == OUTCOME_DONE;
}

gboolean vk_ontap_http_send(VkOntapHttp *http, const char *method, const char *url,
			    const json_t *body, gint64 deadline, VkOntapReply *ret, GError **error)
{
	g_autofree char *text = body ? vk_json_line(body) : NULL;
	g_autoptr(GString) received = g_string_new(NULL);
	Exchange exchange = {.http = http,
			     .method = method,
			     .url = url,
			     .text = text,
			     .received = received,
			     .reply = ret};
	gboolean done;

	if (!http->url)
		return vk_fail(error, VK_ERROR_USAGE, "array '%s': its section has no url",
			       http->name);
	if (!vk_ontap_login_begin(http->login, &exchange.login, error))
		return FALSE;
	done = send_logged_in(&exchange, deadline, error);
	vk_ontap_login_end(http->login, &exchange.login, ret->status);
	return done;
}
