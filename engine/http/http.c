/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http.h"

#include "http-transfer-priv.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_MS      10000
#define TRIES           6
#define FIRST_PAUSE_US  (G_USEC_PER_SEC / 4)
#define PAUSE_MAX_US    ((gint64)20 * G_USEC_PER_SEC)
#define RETRY_AFTER_MAX 60 /* seconds */
#define HEADERS_MAX     100u
#define UPLOAD_BUFFER   (1L << 20)
#define SLOWEST         1000L /* bytes a second, over the time of a stall */
/* What is answered at once. A server may take its time about more. */
#define SMALL_MAX ((gsize)64 << 10)
/* Pauses of a request before people hear of it: less than two seconds. */
#define QUIET_TRIES 2

struct VkHttp {
	char *name, *url, *ca_file, *client_cert, *client_key, *trust_advice;
	gboolean is_insecure, may_be_plain;
	gsize reply_max;
	guint tries, stall;
	gint is_silent;  /* atomic: after an interruption, it did not answer */
	gint is_away;    /* atomic: people know that requests are being tried again */
	GMutex mutex;    /* guards what follows */
	GPtrArray *idle; /* Connection: to be used again */
};

/* RFC 9110, section 9.2. */
typedef struct Method {
	const char *name;
	gboolean is_safe;       /* it only asks */
	gboolean is_repeatable; /* done twice it is as done once */
	gboolean has_body;
	gboolean has_bare_reply; /* no body follows the reply's head */
} Method;

static const Method methods[] = {
	{"GET", .is_safe = TRUE, .is_repeatable = TRUE},
	{"HEAD", .is_safe = TRUE, .is_repeatable = TRUE, .has_bare_reply = TRUE},
	{"DELETE", .is_repeatable = TRUE},
	{"PUT", .is_repeatable = TRUE, .has_body = TRUE},
	{"POST", .has_body = TRUE},
	{"PATCH", .has_body = TRUE},
};

/* One request and what has come of it. */
typedef struct Exchange {
	VkHttp *http;
	const VkHttpRequest *request;
	const Method *method;
	VkHttpConnection *connection;
	gint64 deadline;
	gboolean too_long;
	char curl_error[CURL_ERROR_SIZE];
	VkHttpReply *reply;
} Exchange;

void vk_http_reply_clear(VkHttpReply *reply)
{
	if (reply->text)
		g_string_free(reply->text, TRUE);
	g_clear_pointer(&reply->headers, g_hash_table_unref);
	*reply = (VkHttpReply){0};
}

const char *vk_http_reply_header(const VkHttpReply *reply, const char *name)
{
	return reply->headers ? g_hash_table_lookup(reply->headers, name) : NULL;
}

static void init_curl(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		g_once_init_leave(&done, 1);
	}
}

VkHttp *vk_http_new(const VkHttpOptions *options)
{
	VkHttp *http = g_new0(VkHttp, 1);

	init_curl();
	http->name = g_strdup(options->name);
	http->url = g_strdup(options->url);
	while (g_str_has_suffix(http->url, "/"))
		http->url[strlen(http->url) - 1] = '\0';
	http->ca_file = g_strdup(options->ca_file);
	http->client_cert = g_strdup(options->client_cert);
	http->client_key = g_strdup(options->client_key);
	http->trust_advice = g_strdup(options->trust_advice);
	http->is_insecure = options->is_insecure;
	http->may_be_plain = options->may_be_plain;
	http->reply_max = options->reply_max;
	http->tries = options->tries ? options->tries : TRIES;
	http->stall = options->stall;
	g_mutex_init(&http->mutex);
	http->idle = g_ptr_array_new_with_free_func(vk_http_connection_free);
	return http;
}

void vk_http_free(VkHttp *http)
{
	if (!http)
		return;
	g_ptr_array_unref(http->idle);
	g_mutex_clear(&http->mutex);
	g_free(http->name);
	g_free(http->url);
	g_free(http->ca_file);
	g_free(http->client_cert);
	g_free(http->client_key);
	g_free(http->trust_advice);
	g_free(http);
}

VkHttpOutcome vk_http_outcome_of(guint status)
{
	if (status / 100 == 2)
		return VK_HTTP_DONE;
	if (status == 429 || status == 503)
		return VK_HTTP_NOT_DONE;
	return status >= 500 ? VK_HTTP_UNSURE : VK_HTTP_REFUSED;
}

static const Method *find_method(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	g_assert_not_reached();
}

static size_t receive(char *data, size_t size, size_t count, void *user)
{
	Exchange *exchange = user;
	GString *text = exchange->reply->text;

	exchange->too_long = text->len + size * count > exchange->http->reply_max;
	if (exchange->too_long)
		return 0;
	g_string_append_len(text, data, (gssize)(size * count));
	return size * count;
}

/* A redirection or "100 Continue" comes with a head of its own, before the one that counts. */
static size_t receive_header(char *data, size_t size, size_t count, void *user)
{
	Exchange *exchange = user;
	GHashTable *headers = exchange->reply->headers;
	gsize length = size * count;
	const char *colon = memchr(data, ':', length);

	if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		g_hash_table_remove_all(headers);
	} else if (colon && g_hash_table_size(headers) < HEADERS_MAX) {
		gsize name = (gsize)(colon - data);

		g_hash_table_replace(headers, g_ascii_strdown(data, (gssize)name),
				     g_strstrip(g_strndup(colon + 1, length - name - 1)));
	}
	return length;
}

/* A connection of our own until it is put back. */
static VkHttpConnection *take_connection(VkHttp *http, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&http->mutex);

	return http->idle->len ? g_ptr_array_steal_index_fast(http->idle, http->idle->len - 1)
			       : vk_http_connection_new(error);
}

static void put_connection(VkHttp *http, VkHttpConnection *connection)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&http->mutex);

	/* What is open stays open. */
	curl_easy_reset(connection->curl);
	g_ptr_array_add(http->idle, connection);
}

/* Who we are, and whom we trust. */
static void set_identity(const Exchange *exchange, CURL *curl)
{
	const VkHttp *http = exchange->http;

	if (exchange->request->password) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, exchange->request->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, exchange->request->password);
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

/* When it is over, as far as is known now. */
static gint64 deadline_of(const Exchange *exchange)
{
	return exchange->deadline + (exchange->http->stall ? exchange->connection->flowed : 0);
}

/* Both ways count. libcurl compares an average of some seconds. */
static void set_time_limits(const Exchange *exchange, CURL *curl)
{
	gint64 left_ms = MAX((deadline_of(exchange) - g_get_monotonic_time()) / 1000, 1);

	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(left_ms, CONNECT_MS));
	if (!exchange->http->stall) {
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)exchange->http->stall);
}

static void set_request(Exchange *exchange)
{
	CURL *curl = exchange->connection->curl;
	const VkHttpRequest *request = exchange->request;
	const VkHttp *http = exchange->http;
	g_autofree char *url = g_strconcat(http->url, request->path, NULL);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, http->may_be_plain ? "http,https" : "https");
	/* Uploads by HTTP/2 spin in libcurl before 8.0. */
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->curl_error);
	set_time_limits(exchange, curl);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	if (exchange->method->has_body) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)request->body_length);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	}
	/* What a kept connection has lost, libcurl would send again of its own accord. */
	if (!exchange->method->is_repeatable)
		curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	if (exchange->method->has_bare_reply)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	set_identity(exchange, curl);
}

/* A server that may take long is not waited for. */
static gboolean is_interrupted(const Exchange *exchange)
{
	return exchange->http->stall && vk_interrupted();
}

static gboolean is_distrust(CURLcode result)
{
	return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
	       result == CURLE_SSL_CERTPROBLEM;
}

/* It did not get through. The outcome says whether the server may have seen it. */
static VkHttpOutcome judge_failure(const Exchange *exchange, CURLcode result, GError **error)
{
	VkHttp *http = exchange->http;
	const VkHttpRequest *request = exchange->request;
	const char *text =
		*exchange->curl_error ? exchange->curl_error : curl_easy_strerror(result);
	curl_off_t connected = 0;

	if (is_interrupted(exchange) && request->body_length <= SMALL_MAX)
		g_atomic_int_set(&http->is_silent, TRUE);
	if (!exchange->too_long && is_distrust(result)) {
		vk_fail(error, VK_ERROR_FAILED, "%s: no trusted connection with '%s': %s; %s",
			http->name, http->url, text, http->trust_advice);
		return VK_HTTP_REFUSED;
	}
	if (exchange->too_long)
		text = "the reply is too long";
	if (exchange->connection->given_up)
		vk_fail_interrupted(error);
	else
		vk_fail(error, VK_ERROR_FAILED, "%s: %s '%s%s' failed: %s", http->name,
			request->method, http->url, request->path, text);
	/* It was probably done, and another request would get the same answer. */
	if (exchange->too_long)
		return exchange->method->is_safe ? VK_HTTP_REFUSED : VK_HTTP_UNSURE;
	curl_easy_getinfo(exchange->connection->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return connected > 0 ? VK_HTTP_UNSURE : VK_HTTP_NOT_DONE;
}

static struct curl_slist *add_headers(struct curl_slist *list, const char *const *headers)
{
	for (; headers && *headers; headers++)
		list = curl_slist_append(list, *headers);
	return list;
}

static CURLcode perform(Exchange *exchange)
{
	const VkHttpRequest *request = exchange->request;
	g_auto(GStrv) own = request->sign ? request->sign(request->data) : NULL;
	struct curl_slist *headers =
		add_headers(add_headers(NULL, request->headers), (const char *const *)own);
	CURLcode result;

	curl_easy_setopt(exchange->connection->curl, CURLOPT_HTTPHEADER, headers);
	result = vk_http_transfer(exchange->connection, exchange->http->stall > 0);
	curl_easy_setopt(exchange->connection->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return result;
}

static VkHttpOutcome try_once(Exchange *exchange, GError **error)
{
	CURL *curl = exchange->connection->curl;
	VkHttpReply *reply = exchange->reply;
	curl_off_t retry_after = 0;
	CURLcode result;
	long status = 0;

	vk_http_reply_clear(reply);
	reply->text = g_string_new(NULL);
	reply->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	exchange->too_long = FALSE;
	set_request(exchange);
	result = perform(exchange);
	if (result != CURLE_OK)
		return judge_failure(exchange, result, error);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	reply->status = (guint)status;
	reply->retry_after = (guint)CLAMP(retry_after, 0, RETRY_AFTER_MAX);
	return exchange->request->judge(reply, exchange->request->data, error);
}

/*
 * FALSE when the deadline comes first, or an interruption. Many that failed together do not come
 * back together.
 */
static gboolean wait_before(const Exchange *exchange, guint tries)
{
	gint64 longest = MIN((gint64)FIRST_PAUSE_US << tries, PAUSE_MAX_US);
	gint64 pause = longest / 2 + (gint64)(g_random_double() * (double)longest / 2);
	gint64 now = g_get_monotonic_time(), end;

	pause = MAX(pause, (gint64)exchange->reply->retry_after * G_USEC_PER_SEC);
	end = now + pause;
	if (end >= deadline_of(exchange))
		return FALSE;
	for (; now < end && !is_interrupted(exchange); now = g_get_monotonic_time())
		g_usleep((gulong)MIN(end - now, (gint64)VK_HTTP_LOOK_MS * G_TIME_SPAN_MILLISECOND));
	return !is_interrupted(exchange);
}

/* One line for an outage, and one for its end, whatever the number of requests that wait. */
static void note_trouble(const Exchange *exchange, guint tries, const char *trouble)
{
	VkHttp *http = exchange->http;

	if (http->stall && tries >= QUIET_TRIES &&
	    g_atomic_int_compare_and_exchange(&http->is_away, FALSE, TRUE))
		vk_log_info("%s; trying again", trouble);
	else
		vk_log_debug("%s; trying again", trouble);
}

static void note_answer(const Exchange *exchange)
{
	VkHttp *http = exchange->http;

	if (g_atomic_int_compare_and_exchange(&http->is_away, TRUE, FALSE))
		vk_log_info("%s: it answers again", http->name);
}

static VkHttpOutcome try_often(Exchange *exchange, GError **error)
{
	gboolean is_unsure = FALSE;

	for (guint tries = 0;; tries++) {
		g_autoptr(GError) trouble = NULL;
		VkHttpOutcome outcome = try_once(exchange, &trouble);

		/* An earlier try may have been done. */
		is_unsure |= outcome == VK_HTTP_UNSURE;
		if (outcome == VK_HTTP_NOT_DONE && is_unsure)
			outcome = VK_HTTP_UNSURE;
		/* Who is not trusted, or not reached, has not answered. */
		if (exchange->reply->status != 0 &&
		    (outcome == VK_HTTP_DONE || outcome == VK_HTTP_REFUSED))
			note_answer(exchange);
		if (outcome == VK_HTTP_DONE)
			return outcome;
		if (outcome == VK_HTTP_REFUSED ||
		    (outcome == VK_HTTP_UNSURE && !exchange->method->is_repeatable) ||
		    tries + 1 >= exchange->http->tries || !wait_before(exchange, tries)) {
			if (outcome != VK_HTTP_REFUSED && is_interrupted(exchange))
				vk_fail_interrupted(error);
			else
				g_propagate_error(error, g_steal_pointer(&trouble));
			return outcome;
		}
		note_trouble(exchange, tries, trouble->message);
	}
}

VkHttpOutcome vk_http_send(VkHttp *http, const VkHttpRequest *request, gint64 deadline,
			   VkHttpReply *ret, GError **error)
{
	Exchange exchange = {.http = http,
			     .request = request,
			     .method = find_method(request->method),
			     .deadline = deadline,
			     .reply = ret};
	VkHttpOutcome outcome;

	/* Each thing that is to be cleaned up would wait for it. */
	if (is_interrupted(&exchange) && g_atomic_int_get(&http->is_silent)) {
		vk_fail_interrupted(error);
		return VK_HTTP_NOT_DONE;
	}
	exchange.connection = take_connection(http, error);
	if (!exchange.connection)
		return VK_HTTP_REFUSED;
	exchange.connection->flowed = 0;
	outcome = try_often(&exchange, error);
	put_connection(http, exchange.connection);
	return outcome;
}
