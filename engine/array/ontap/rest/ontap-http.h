/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests to one ONTAP system: logins, and what its replies mean. Only for the ONTAP driver.
 * Threads: free, but for new and free.
 */
#pragma once

#include "log.h"
#include "settings.h"

#include <glib.h>
#include <jansson.h>

typedef struct VkOntapHttp VkOntapHttp;

typedef struct VkOntapReply {
	guint status;       /* HTTP's; 0 when nothing came back */
	json_t *body;       /* an object, empty where the reply had none */
	gsize length;       /* of its text; bytes */
	char *location;     /* nullable */
	guint64 code;       /* of ONTAP's error; 0: it gave none */
	gboolean is_unsure; /* it failed, but the array may have done it all the same */
} VkOntapReply;

void vk_ontap_reply_clear(VkOntapReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkOntapReply, vk_ontap_reply_clear)

/*
 * Of the section [array NAME]; both are borrowed. WARN says what makes the connection unsafe.
 * Nothing is contacted or read yet.
 */
VkOntapHttp *vk_ontap_http_new(const VkSettings *settings, const char *name, VkWarn warn);
void vk_ontap_http_free(VkOntapHttp *http);

/*
 * Sends BODY (nullable) to URL, which begins with "/api/". Until DEADLINE (g_get_monotonic_time) it
 * repeats a request that certainly was not done, and one that may be done twice (GET, DELETE). It
 * never repeats a login that was refused, unless the file has another password. *RET must be
 * cleared in any case.
 */
gboolean vk_ontap_http_send(VkOntapHttp *http, const char *method, const char *url,
			    const json_t *body, gint64 deadline, VkOntapReply *ret, GError **error);

/* The code of an error object, which is a number or a string of digits; 0: neither. */
guint64 vk_ontap_code(const json_t *value);
