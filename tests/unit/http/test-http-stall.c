/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* http.h for large bodies, with a server that is slow, silent or busy. */
#include "http.h"

#include "interrupt.h"

#include <arpa/inet.h>
#include <check.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX  4096
#define LARGE     ((gsize)32 << 20)
#define STALL_SEC 1u
#define BODY      50 /* bytes */

/* What the server does with each connection's request. */
typedef enum {
	ANSWER,   /* at once */
	FAIL,     /* 500 */
	REFUSE,   /* 503 */
	TRICKLE,  /* byte after byte, for as long as somebody reads */
	HALF,     /* byte after byte, then the connection ends in the middle */
	DEAF,     /* it reads no body */
	SILENT,   /* it does not answer, and the user wants to go */
	OVERLOAD, /* 503, come back much later, and the user wants to go */
} Manner;

typedef struct Server {
	int fd;
	char *url;
	GThread *thread;
	const Manner *manners; /* of one connection after the other; the last one is for the rest */
	guint count;           /* of MANNERS */
	guint requests;        /* read once the thread has ended */
	gint64 interrupted;    /* when */
} Server;

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (gint64)strlen(text));
}

static void say_slowly(int fd, guint count)
{
	while (count-- > 0 && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		g_usleep(50 * G_TIME_SPAN_MILLISECOND);
}

static void wait_for_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		continue;
}

/* Without making room for what the client still sends. */
static void wait_unread(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLRDHUP};

	ck_assert_int_eq(poll(&end, 1, 60000), 1);
}

static void interrupt(Server *server)
{
	server->interrupted = g_get_monotonic_time();
	vk_set_interrupted(TRUE);
}

/* Until the client has closed the connection. */
static void serve_one(Server *server, int fd, Manner manner)
{
	char head[HEAD_MAX + 1] = "";
	gsize length = 0;

	while (!strstr(head, "\r\n\r\n") && length < HEAD_MAX) {
		gssize got = recv(fd, head + length, HEAD_MAX - length, 0);

		if (got <= 0)
			return;
		length += (gsize)got;
	}
	server->requests++;
	if (manner == SILENT)
		interrupt(server);
	if (manner == ANSWER)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
	if (manner == FAIL)
		say(fd, "HTTP/1.1 500 Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	if (manner == REFUSE)
		say(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	if (manner == TRICKLE || manner == HALF)
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	if (manner == TRICKLE || manner == HALF)
		say_slowly(fd, manner == HALF ? BODY : 1000);
	if (manner == OVERLOAD) {
		say(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 20\r\n"
			"Connection: close\r\n\r\n");
		interrupt(server);
	}
	if (manner == DEAF)
		wait_unread(fd);
	else if (manner != HALF)
		wait_for_end(fd);
}

static gpointer serve(gpointer data)
{
	Server *server = data;
	int fd;

	for (guint i = 0; (fd = accept(server->fd, NULL, NULL)) >= 0; i++) {
		serve_one(server, fd, server->manners[MIN(i, server->count - 1)]);
		close(fd);
	}
	return NULL;
}

static void server_start(Server *server, const Manner *manners, guint count)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	*server = (Server){.manners = manners,
			   .count = count,
			   .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(server->fd, 8), 0);
	ck_assert_int_eq(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
	server->url = g_strdup_printf("http://127.0.0.1:%u", ntohs(address.sin_port));
	server->thread = g_thread_new("server", serve, server);
}

static void server_end(Server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	g_thread_join(server->thread);
	close(server->fd);
	g_free(server->url);
}

static VkHttp *http_to(const Server *server, guint stall, guint tries)
{
	return vk_http_new(&(VkHttpOptions){.name = "test",
					    .url = server->url,
					    .may_be_plain = TRUE,
					    .reply_max = 4096,
					    .tries = tries,
					    .stall = stall});
}

static VkHttpOutcome judge(const VkHttpReply *reply, gpointer data, GError **error)
{
	VkHttpOutcome outcome = vk_http_outcome_of(reply->status);

	if (outcome != VK_HTTP_DONE)
		g_set_error(error, g_quark_from_static_string("test"), 0, "status %u",
			    reply->status);
	return outcome;
}

static VkHttpOutcome send_with_body(VkHttp *http, gsize length, gint64 deadline_sec, GError **error)
{
	g_autofree char *body = g_malloc0(length + 1);
	const VkHttpRequest request = {.method = length > 0 ? "PUT" : "GET",
				       .path = "/thing",
				       .body = body,
				       .body_length = length,
				       .judge = judge};
	gint64 deadline = g_get_monotonic_time() + deadline_sec * G_USEC_PER_SEC;
	g_auto(VkHttpReply) reply = {0};

	return vk_http_send(http, &request, deadline, &reply, error);
}

/* libcurl looks at the last five seconds. */
START_TEST(a_trickle_ends_a_try)
{
	static const Manner manners[] = {TRICKLE, DEAF};
	gboolean is_upload = _i == 1;
	gint64 begun = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;
	Server server;
	VkHttp *http;

	server_start(&server, &manners[_i], 1);
	http = http_to(&server, STALL_SEC, 1);
	ck_assert_int_eq(send_with_body(http, is_upload ? LARGE : 0, 60, &error), VK_HTTP_UNSURE);
	ck_assert_msg(strstr(error->message, "too slow") != NULL, "%s", error->message);
	ck_assert_int_lt(g_get_monotonic_time() - begun, 15 * G_USEC_PER_SEC);
	vk_http_free(http);
	server_end(&server);
}
END_TEST

/* The first try takes longer than all of them may. */
START_TEST(time_in_which_bytes_move_does_not_count)
{
	static const Manner manners[] = {HALF, ANSWER};
	g_autoptr(GError) error = NULL;
	VkHttpOutcome outcome;
	Server server;
	VkHttp *http;

	server_start(&server, manners, 2);
	http = http_to(&server, 60, 3);
	outcome = send_with_body(http, 0, 2, &error);
	ck_assert_msg(outcome == VK_HTTP_DONE, "%s", error ? error->message : "");
	vk_http_free(http);
	server_end(&server);
	ck_assert_uint_eq(server.requests, 2);
}
END_TEST

/* What the last try says does not hold for the one before. */
START_TEST(a_put_that_was_perhaps_done_stays_so)
{
	static const Manner manners[][2] = {{FAIL, REFUSE}, {REFUSE, REFUSE}};
	static const VkHttpOutcome outcomes[] = {VK_HTTP_UNSURE, VK_HTTP_NOT_DONE};
	Server server;
	VkHttp *http;

	server_start(&server, manners[_i], 2);
	http = http_to(&server, 60, 2);
	ck_assert_int_eq(send_with_body(http, 1, 60, NULL), outcomes[_i]);
	vk_http_free(http);
	server_end(&server);
}
END_TEST

START_TEST(what_does_not_move_can_be_interrupted)
{
	static const Manner manners[] = {SILENT, OVERLOAD};
	g_autoptr(GError) error = NULL;
	gint64 ended;
	Server server;
	VkHttp *http;

	server_start(&server, &manners[_i], 1);
	http = http_to(&server, 60, 10);
	ck_assert(send_with_body(http, 0, 300, &error) != VK_HTTP_DONE);
	ck_assert_str_eq(error->message, "interrupted");
	/* A server that has not answered is not asked by each part of the cleaning up. */
	if (manners[_i] == SILENT)
		for (guint i = 0; i < 20; i++)
			ck_assert_int_eq(send_with_body(http, 1, 300, NULL), VK_HTTP_NOT_DONE);
	ended = g_get_monotonic_time();
	vk_http_free(http);
	server_end(&server);
	ck_assert_int_lt(ended - server.interrupted, G_USEC_PER_SEC);
	ck_assert_uint_eq(server.requests, 1);
}
END_TEST

/* The lease is ended, the temporary file removed. */
START_TEST(who_was_interrupted_cleans_up)
{
	static const Manner manners[] = {ANSWER};
	Server server;
	VkHttp *http;

	server_start(&server, manners, 1);
	http = http_to(&server, 60, 10);
	vk_set_interrupted(TRUE);
	for (guint i = 0; i < 3; i++)
		ck_assert_int_eq(send_with_body(http, 1, 300, NULL), VK_HTTP_DONE);
	vk_http_free(http);
	server_end(&server);
	ck_assert_uint_eq(server.requests, 3);
}
END_TEST

static void teardown(void)
{
	vk_set_interrupted(FALSE);
}

int main(void)
{
	Suite *suite = suite_create("http-stall");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_loop_test(tcase, a_trickle_ends_a_try, 0, 2);
	tcase_add_test(tcase, time_in_which_bytes_move_does_not_count);
	tcase_add_loop_test(tcase, a_put_that_was_perhaps_done_stays_so, 0, 2);
	tcase_add_loop_test(tcase, what_does_not_move_can_be_interrupted, 0, 2);
	tcase_add_test(tcase, who_was_interrupted_cleans_up);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
