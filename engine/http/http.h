/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HTTP/1.1 with one server: connections that are used again, time limits, certificates, and what
 * may be tried again. What requests and replies mean is the caller's. Threads: free, but for new
 * and free.
 */
#pragma once

#include <glib.h>

typedef struct VkHttp VkHttp;

/* Strings are nullable but for the first two. */
typedef struct VkHttpOptions {
	const char *name;        /* as errors call the server: "array 'a1'" */
	const char *url;         /* "https://server:port"; the paths of requests follow it */
	const char *ca_file;     /* NULL: the system's certificates are trusted */
	const char *client_cert; /* a login without a password */
	const char *client_key;
	const char *trust_advice; /* what to do if the server is not trusted */
	gboolean is_insecure;     /* any certificate is trusted */
	gboolean may_be_plain;    /* the url may be of "http:", where all on the way can read it */
	gsize reply_max;          /* bytes; a longer reply is an error */
	guint tries;              /* of a request; 0: six */
	/* For large bodies: seconds that end a try in which hardly a byte moves, either way. The
	   deadline is put off while bytes move, and vk_interrupted() ends what does not move. 0:
	   the deadline alone ends it. */
	guint stall;
} VkHttpOptions;

/* Copies OPTIONS. Nothing is contacted or read yet. */
VkHttp *vk_http_new(const VkHttpOptions *options);
void vk_http_free(VkHttp *http);

/* The result of a request. */
typedef enum {
	VK_HTTP_DONE,
	VK_HTTP_NOT_DONE, /* the server has not done it: it may be tried again, whatever it is */
	VK_HTTP_UNSURE,   /* it failed, but the server may have done it all the same */
	VK_HTTP_REFUSED,  /* another try would get the same answer */
} VkHttpOutcome;

typedef struct VkHttpReply {
	guint status;      /* HTTP's; 0 when nothing came back */
	GString *text;     /* of its body */
	guint retry_after; /* seconds; 0: it does not say */
	GHashTable *headers;
} VkHttpReply;

void vk_http_reply_clear(VkHttpReply *reply);
/* The value of the header NAME, in lower case; NULL: the reply has none. Borrowed. */
const char *vk_http_reply_header(const VkHttpReply *reply, const char *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkHttpReply, vk_http_reply_clear)

/* Says what a reply means, with an error unless it is VK_HTTP_DONE. */
typedef VkHttpOutcome (*VkHttpJudge)(const VkHttpReply *reply, gpointer data, GError **error);

/* All is borrowed for the call. NULLs are not sent. */
typedef struct VkHttpRequest {
	const char *method; /* "GET", "HEAD", "PUT", "DELETE": may be done twice; "POST", "PATCH" */
	const char *path;   /* with its query */
	const void *body;
	gsize body_length;
	const char *const *headers; /* "Name: value"; NULL at their end */
	/* Headers that hold for one try, as a signature with its time. New; g_strfreev(). */
	char **(*sign)(gpointer data);
	const char *user, *password; /* both, or none */
	VkHttpJudge judge;           /* called for each reply */
	gpointer data;               /* of judge and sign */
} VkHttpRequest;

/*
 * Sends REQUEST until it is decided, or until DEADLINE (g_get_monotonic_time). What was not done is
 * tried again after a pause of random length, and so is what may be done twice. Sets an error
 * unless it is VK_HTTP_DONE. *RET, which is the last reply, is to be cleared in any case.
 */
VkHttpOutcome vk_http_send(VkHttp *http, const VkHttpRequest *request, gint64 deadline,
			   VkHttpReply *ret, GError **error);

/* What a STATUS alone says, by HTTP's rules. */
VkHttpOutcome vk_http_outcome_of(guint status);
