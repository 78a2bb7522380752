/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-transfer-priv.h"

#include "errors.h"
#include "interrupt.h"

/* After an interruption: so long nothing moves in a transfer that goes on. */
#define QUIET_MAX_US ((gint64)400 * G_TIME_SPAN_MILLISECOND)

VkHttpConnection *vk_http_connection_new(GError **error)
{
	VkHttpConnection *connection = g_new0(VkHttpConnection, 1);

	connection->curl = curl_easy_init();
	connection->multi = curl_multi_init();
	if (connection->curl && connection->multi)
		return connection;
	vk_http_connection_free(connection);
	vk_fail(error, VK_ERROR_FAILED, "libcurl cannot be used");
	return NULL;
}

void vk_http_connection_free(gpointer data)
{
	VkHttpConnection *connection = data;

	curl_easy_cleanup(connection->curl);
	curl_multi_cleanup(connection->multi);
	g_free(connection);
}

static void count_bytes(VkHttpConnection *connection)
{
	gint64 now = g_get_monotonic_time();
	curl_off_t sent = 0, received = 0;

	curl_easy_getinfo(connection->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	curl_easy_getinfo(connection->curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
	if (sent + received != connection->bytes) {
		connection->flowed += now - connection->counted;
		connection->moved = now;
	}
	connection->bytes = sent + received;
	connection->counted = now;
}

/* CURLE_OK, or what ended it. */
static CURLcode result_of(const VkHttpConnection *connection)
{
	int left;
	const CURLMsg *message = curl_multi_info_read(connection->multi, &left);

	return message ? message->data.result : CURLE_FAILED_INIT;
}

CURLcode vk_http_transfer(VkHttpConnection *connection, gboolean may_end)
{
	CURLMcode state = curl_multi_add_handle(connection->multi, connection->curl);
	CURLcode result;
	int running = 1;

	connection->bytes = 0;
	connection->counted = connection->moved = g_get_monotonic_time();
	connection->given_up = FALSE;
	while (state == CURLM_OK && running && !connection->given_up) {
		state = curl_multi_perform(connection->multi, &running);
		if (state == CURLM_OK && running)
			state = curl_multi_poll(connection->multi, NULL, 0, VK_HTTP_LOOK_MS, NULL);
		count_bytes(connection);
		connection->given_up = running && may_end && vk_interrupted() &&
				       connection->counted - connection->moved > QUIET_MAX_US;
	}
	result = result_of(connection);
	/* The thread that looks for the server's address may take long to end. */
	curl_easy_setopt(connection->curl, CURLOPT_QUICK_EXIT, (long)connection->given_up);
	curl_multi_remove_handle(connection->multi, connection->curl);
	return result;
}
