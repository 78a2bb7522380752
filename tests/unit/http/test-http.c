/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http.h with a server of TLS that answers each connection's first request, and then closes it. */
#include "http.h"

#include <arpa/inet.h>
#include <check.h>
#include <glib.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 4096

typedef struct Server {
	SSL_CTX *context;
	int fd;
	char *url;
	GThread *thread;
	GPtrArray *requests; /* char*; read once the thread has ended */
	guint failures;      /* so many requests get a 500 first */
	guint hangups;       /* before that, so many connections get nothing */
} Server;

static void use_new_certificate(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guchar *)"localhost", -1, -1,
				   0);
	X509_set_issuer_name(certificate, name);
	X509_sign(certificate, key, EVP_sha256());
	ck_assert_int_eq(SSL_CTX_use_certificate(context, certificate), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* Reads the head, and the body that it announces. New string. */
static char *read_request(SSL *tls)
{
	GString *text = g_string_new(NULL);
	gsize wanted = G_MAXSIZE;
	char part[REQUEST_MAX];

	while (text->len < wanted && text->len < REQUEST_MAX) {
		int got = SSL_read(tls, part, sizeof(part));
		const char *end, *length;

		if (got <= 0)
			break;
		g_string_append_len(text, part, got);
		end = strstr(text->str, "\r\n\r\n");
		length = strstr(text->str, "Content-Length: ");
		if (end)
			wanted = (gsize)(end - text->str) + 4 +
				 (length ? g_ascii_strtoull(length + 16, NULL, 10) : 0);
	}
	return g_string_free(text, FALSE);
}

static void answer(Server *server, SSL *tls)
{
	char *request = read_request(tls);
	gboolean failed = server->requests->len < server->failures;
	/* The answer to HEAD has the length of a body that does not follow. */
	g_autofree char *reply = g_strdup_printf(
		"HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n%s",
		failed ? "500 Failed" : "200 OK", g_str_has_prefix(request, "HEAD") ? "" : "{}");

	g_ptr_array_add(server->requests, request);
	SSL_write(tls, reply, (int)strlen(reply));
	SSL_shutdown(tls);
}

/* Until the listening socket is shut down. */
static gpointer serve(gpointer data)
{
	Server *server = data;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		SSL *tls;

		if (server->hangups > 0) {
			server->hangups--;
			close(fd);
			continue;
		}
		tls = SSL_new(server->context);
		SSL_set_fd(tls, fd);
		if (SSL_accept(tls) == 1)
			answer(server, tls);
		SSL_free(tls);
		close(fd);
	}
	return NULL;
}

static void server_start(Server *server, guint failures, guint hangups)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	*server = (Server){.failures = failures,
			   .hangups = hangups,
			   .context = SSL_CTX_new(TLS_server_method()),
			   .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			   .requests = g_ptr_array_new_with_free_func(g_free)};
	use_new_certificate(server->context);
	ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(server->fd, 8), 0);
	ck_assert_int_eq(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
	server->url = g_strdup_printf("https://127.0.0.1:%u", ntohs(address.sin_port));
	server->thread = g_thread_new("server", serve, server);
}

static void server_end(Server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	g_thread_join(server->thread);
	close(server->fd);
	SSL_CTX_free(server->context);
	g_free(server->url);
}

static VkHttpOutcome judge(const VkHttpReply *reply, gpointer data, GError **error)
{
	VkHttpOutcome outcome = vk_http_outcome_of(reply->status);

	if (outcome != VK_HTTP_DONE)
		g_set_error(error, g_quark_from_static_string("test"), 0, "status %u",
			    reply->status);
	return outcome;
}

/* Sends METHOD to a server that fails once. Returns the requests that it got. */
static GPtrArray *send_to_failing(const char *method, const char *body, VkHttpOutcome expected)
{
	Server server;
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) error = NULL;
	const VkHttpRequest request = {.method = method,
				       .path = "/thing",
				       .body = body,
				       .body_length = body ? strlen(body) : 0,
				       .judge = judge};
	gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
	VkHttpOptions options = {.name = "test", .is_insecure = TRUE, .reply_max = 1024};
	VkHttp *http;

	server_start(&server, 1, 0);
	options.url = server.url;
	http = vk_http_new(&options);
	ck_assert_int_eq(vk_http_send(http, &request, deadline, &reply, &error), expected);
	ck_assert((error == NULL) == (expected == VK_HTTP_DONE));
	vk_http_free(http);
	server_end(&server);
	return server.requests;
}

typedef struct Method {
	const char *name, *body;
	guint requests; /* when the first fails, but may have been done */
} Method;

static const Method methods[] = {
	{"GET", NULL, 2},        {"HEAD", NULL, 2},        {"DELETE", NULL, 2},
	{"PUT", "{\"a\":1}", 2}, {"POST", "{\"a\":1}", 1}, {"PATCH", "{\"a\":1}", 1},
};

START_TEST(what_may_be_done_twice_is_repeated)
{
	const Method *method = &methods[_i];
	g_autoptr(GPtrArray) requests = send_to_failing(
		method->name, method->body, method->requests > 1 ? VK_HTTP_DONE : VK_HTTP_UNSURE);

	ck_assert_uint_eq(requests->len, method->requests);
	for (guint i = 0; i < requests->len; i++) {
		const char *request = g_ptr_array_index(requests, i);

		ck_assert(g_str_has_prefix(request, method->name));
		ck_assert(g_str_has_suffix(request, method->body ? method->body : "\r\n\r\n"));
	}
}
END_TEST

/* What the process says on stderr goes into a file; the test has a process of its own. */
static FILE *catch_stderr(void)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	return file;
}

/* After an outage somebody else is there, or the certificate has run out. */
START_TEST(who_is_not_trusted_has_not_answered)
{
	const VkHttpRequest request = {.method = "GET", .path = "/thing", .judge = judge};
	gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
	VkHttpOptions options = {
		.name = "test", .trust_advice = "look", .reply_max = 1024, .stall = 60};
	FILE *file = catch_stderr();
	g_auto(VkHttpReply) reply = {0};
	g_autoptr(GError) error = NULL;
	char log[REQUEST_MAX] = "";
	Server server;
	VkHttp *http;

	server_start(&server, 0, 3);
	options.url = server.url;
	http = vk_http_new(&options);
	ck_assert_int_eq(vk_http_send(http, &request, deadline, &reply, &error), VK_HTTP_REFUSED);
	ck_assert_msg(strstr(error->message, "no trusted connection") != NULL, "%s",
		      error->message);
	rewind(file);
	ck_assert_uint_gt(fread(log, 1, sizeof(log) - 1, file), 0);
	ck_assert_msg(strstr(log, "trying again") != NULL, "%s", log);
	ck_assert_msg(strstr(log, "answers again") == NULL, "%s", log);
	vk_http_free(http);
	server_end(&server);
	g_ptr_array_unref(server.requests);
	fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http");
	TCase *tcase = tcase_create("http");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, what_may_be_done_twice_is_repeated, 0, G_N_ELEMENTS(methods));
	tcase_add_test(tcase, who_is_not_trusted_has_not_answered);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
