/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbd-stub.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of the protocol, as it is on the wire. */
#define REPLY_MAGIC       G_GUINT64_CONSTANT(0x3e889045565a9)
#define CHUNK_MAGIC       0x668e33efu
#define OPTION_ABORT      2u
#define OPTION_GO         7u
#define OPTION_STRUCTURED 8u
#define OPTION_CONTEXT    10u
#define ANSWER_ACK        1u
#define ANSWER_INFO       3u
#define ANSWER_CONTEXT    4u
#define ANSWER_UNKNOWN    0x80000001u
#define CHUNK_DONE        1u
#define REQUEST_SIZE      28u
#define COMMAND_WRITE     1u
#define COMMAND_HANG_UP   2u

#define OPTION_MAX 4096u

struct NbdStub {
	const uint8_t *input;
	size_t length;
	int stop; /* readable: the stub ends */
	GThread *thread;
};

/* A client is open beside others: each has a thread. */
typedef struct Client {
	const NbdStub *stub;
	int fd;
} Client;

static char *directory, *socket_path;
static int listener = -1;

static void remove_socket(void)
{
	g_unlink(socket_path);
	g_rmdir(directory);
	g_free(socket_path);
	g_free(directory);
}

static void listen_once(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (listener >= 0)
		return;
	directory = g_dir_make_tmp("virtkeep-nbd-XXXXXX", NULL);
	socket_path = g_build_filename(directory, "socket", NULL);
	g_strlcpy(address.sun_path, socket_path, sizeof(address.sun_path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	g_assert(listen(listener, 16) == 0);
	atexit(remove_socket);
}

const char *nbd_stub_socket(void)
{
	return socket_path;
}

static gboolean receive(int client, void *to, size_t length)
{
	return length == 0 || recv(client, to, length, MSG_WAITALL) == (ssize_t)length;
}

static gboolean tell(int client, const void *from, size_t length)
{
	return length == 0 || send(client, from, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void put(GByteArray *bytes, guint64 value, guint length)
{
	guint64 wire = GUINT64_TO_BE(value << (64 - 8 * length));

	g_byte_array_append(bytes, (const guint8 *)&wire, length);
}

static gboolean answer(int client, guint32 option, guint32 type, const GByteArray *body)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	put(bytes, REPLY_MAGIC, 8);
	put(bytes, option, 4);
	put(bytes, type, 4);
	put(bytes, body ? body->len : 0, 4);
	if (body)
		g_byte_array_append(bytes, body->data, body->len);
	return tell(client, bytes->data, bytes->len);
}

/* The context that was asked for: one, behind the name of the export. */
static gboolean answer_context(int client, const guint8 *body, guint32 length)
{
	g_autoptr(GByteArray) context = g_byte_array_new();
	guint32 at = 4 + 3 + 4 + 4; /* the export is "vda" */

	if (length < at)
		return FALSE;
	put(context, 1, 4);
	g_byte_array_append(context, body + at, length - at);
	return answer(client, OPTION_CONTEXT, ANSWER_CONTEXT, context) &&
	       answer(client, OPTION_CONTEXT, ANSWER_ACK, NULL);
}

static gboolean answer_go(int client, guint64 size)
{
	g_autoptr(GByteArray) info = g_byte_array_new();

	put(info, 0, 2); /* the export itself: its size, and that there are flags */
	put(info, size, 8);
	put(info, 1, 2);
	return answer(client, OPTION_GO, ANSWER_INFO, info) &&
	       answer(client, OPTION_GO, ANSWER_ACK, NULL);
}

/* *RET_GO: the client may ask for data now. */
static gboolean take_option(int client, guint64 size, gboolean *ret_go)
{
	guint8 body[OPTION_MAX];
	guint32 head[4]; /* magic in two, option, length */
	guint32 option, length;

	if (!receive(client, head, sizeof(head)))
		return FALSE;
	option = GUINT32_FROM_BE(head[2]);
	length = GUINT32_FROM_BE(head[3]);
	if (length > sizeof(body) || !receive(client, body, length) || option == OPTION_ABORT)
		return FALSE;
	*ret_go = option == OPTION_GO;
	if (option == OPTION_GO)
		return answer_go(client, size);
	if (option == OPTION_CONTEXT)
		return answer_context(client, body, length);
	return answer(client, option, option == OPTION_STRUCTURED ? ANSWER_ACK : ANSWER_UNKNOWN,
		      NULL);
}

static gboolean shake_hands(int client, guint64 size)
{
	static const char greeting[] = "NBDMAGICIHAVEOPT\0\3";
	gboolean go = FALSE;
	guint32 flags;

	if (!tell(client, greeting, sizeof(greeting) - 1) ||
	    !receive(client, &flags, sizeof(flags)))
		return FALSE;
	while (!go)
		if (!take_option(client, size, &go))
			return FALSE;
	return TRUE;
}

/* Sends the next chunk of the input in reply to COOKIE. */
static gboolean send_chunk(int client, const guint8 *cookie, const NbdStub *stub, size_t *at,
			   gboolean *ret_done)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	const guint8 *chunk = stub->input + *at;
	size_t left = stub->length - *at, length;

	if (left < 4)
		return FALSE;
	length = MIN((size_t)chunk[2] | (size_t)chunk[3] << 8, left - 4);
	*at += 4 + length;
	*ret_done = (chunk[1] & CHUNK_DONE) != 0;
	put(bytes, CHUNK_MAGIC, 4);
	put(bytes, chunk[1], 2);
	/* The types of errors have the highest bit. */
	put(bytes, chunk[0] & 0x80 ? 0x8000u | (chunk[0] & 0x7fu) : chunk[0], 2);
	g_byte_array_append(bytes, cookie, 8);
	put(bytes, length, 4);
	g_byte_array_append(bytes, chunk + 4, (guint)length);
	return tell(client, bytes->data, bytes->len);
}

static void serve(int client, const NbdStub *stub)
{
	guint8 request[REQUEST_SIZE];
	size_t at = 2;
	guint64 size = stub->length < 2 ? 0 : (guint64)(stub->input[0] | stub->input[1] << 8) << 9;

	if (!shake_hands(client, size))
		return;
	while (receive(client, request, sizeof(request))) {
		gboolean done = FALSE;

		if (request[7] == COMMAND_HANG_UP || request[7] == COMMAND_WRITE)
			return;
		while (!done)
			if (!send_chunk(client, request + 8, stub, &at, &done))
				return;
	}
}

static gpointer serve_client(gpointer data)
{
	Client *client = data;

	serve(client->fd, client->stub);
	close(client->fd);
	g_free(client);
	return NULL;
}

static void join(gpointer thread)
{
	g_thread_join(thread);
}

static gpointer serve_all(gpointer data)
{
	const NbdStub *stub = data;
	g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func(join);
	struct pollfd waits[] = {{.fd = listener, .events = POLLIN},
				 {.fd = stub->stop, .events = POLLIN}};

	while (poll(waits, G_N_ELEMENTS(waits), -1) > 0 && !waits[1].revents) {
		Client client = {.stub = stub, .fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)};

		if (client.fd >= 0)
			g_ptr_array_add(threads, g_thread_new("nbd-client", serve_client,
							      g_memdup2(&client, sizeof(client))));
	}
	return NULL;
}

NbdStub *nbd_stub_new(const uint8_t *input, size_t length)
{
	NbdStub *stub = g_new0(NbdStub, 1);

	listen_once();
	stub->input = input;
	stub->length = length;
	stub->stop = eventfd(0, EFD_CLOEXEC);
	stub->thread = g_thread_new("nbd-stub", serve_all, stub);
	return stub;
}

void nbd_stub_free(NbdStub *stub)
{
	g_assert(eventfd_write(stub->stop, 1) == 0);
	g_thread_join(stub->thread);
	close(stub->stop);
	g_free(stub);
}
