/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One transfer after the other over a connection that stays open. libcurl's multi interface is
 * driven here, because its easy one looks about only once a second. One thread at a time.
 */
#pragma once

#include <curl/curl.h>
#include <glib.h>

/* Milliseconds between two looks at what goes on. */
#define VK_HTTP_LOOK_MS 100

typedef struct VkHttpConnection {
	CURL *curl; /* the caller sets its options */
	CURLM *multi;
	gint64 flowed;     /* microseconds in which bytes moved, added up; the caller resets it */
	gboolean given_up; /* an interruption ended the last transfer */
	/* Of this transfer: bytes so far, when they were counted, and when there were more last. */
	curl_off_t bytes;
	gint64 counted, moved;
} VkHttpConnection;

VkHttpConnection *vk_http_connection_new(GError **error);
void vk_http_connection_free(gpointer connection);

/* Does what curl is set to. With MAY_END, vk_interrupted() ends it while nothing moves. */
CURLcode vk_http_transfer(VkHttpConnection *connection, gboolean may_end);
