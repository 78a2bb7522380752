/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What makes a refused request one that the server takes. */
#include "s3-client-priv.h"

#include <curl/curl.h>
#include <string.h>

/* Servers take requests whose time is this far off; here a little less. */
#define SKEW_MAX_SEC ((gint64)4 * 60)

/* Says it once, however many requests are refused at a time. */
static void take_time(VkS3 *s3, gint64 ahead)
{
	gboolean is_news;

	g_mutex_lock(&s3->mutex);
	is_news = ABS(ahead - s3->ahead) >= SKEW_MAX_SEC;
	if (is_news)
		s3->ahead = ahead;
	g_mutex_unlock(&s3->mutex);
	/* Perhaps the host's clock was wrong before, and is right now. */
	if (is_news && ABS(ahead) >= SKEW_MAX_SEC)
		s3->warn("%s: the clock of this host is %" G_GINT64_FORMAT
			 " minutes %s that of the server: put it right",
			 s3->name, ABS(ahead) / 60, ahead > 0 ? "behind" : "ahead of");
}

/* The answer to HEAD does not say why it is refused, but each answer has the server's time. */
gboolean vk_s3_correct_clock(VkS3Call *call, const VkHttpReply *reply)
{
	const char *date = vk_http_reply_header(reply, "date");
	gint64 theirs = date ? (gint64)curl_getdate(date, NULL) : -1;
	gint64 ahead = theirs - g_get_real_time() / G_USEC_PER_SEC;

	if (theirs < 0 || call->is_clock_corrected || ABS(ahead - call->ahead) < SKEW_MAX_SEC)
		return FALSE;
	call->is_clock_corrected = TRUE;
	take_time(call->s3, ahead);
	return TRUE;
}

static gboolean is_same(const VkS3Key *one, const VkS3Key *other)
{
	return strcmp(one->id, other->id) == 0 && strcmp(one->secret, other->secret) == 0 &&
	       g_strcmp0(one->token, other->token) == 0;
}

gboolean vk_s3_renew_key(VkS3Call *call)
{
	VkS3 *s3 = call->s3;
	g_autoptr(VkS3Key) found = NULL;
	g_autoptr(GMutexLocker) locker = NULL;
	const VkS3Key *now;

	if (!s3->find_key || call->is_key_renewed)
		return FALSE;
	call->is_key_renewed = TRUE;
	found = s3->find_key(s3->key_file, s3->key_profile, NULL);
	locker = g_mutex_locker_new(&s3->mutex);
	now = g_ptr_array_index(s3->keys, s3->keys->len - 1);
	if (found && !is_same(found, now)) {
		now = found;
		g_ptr_array_add(s3->keys, g_steal_pointer(&found));
	}
	return now != call->key;
}
