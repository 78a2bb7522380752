/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Notices by mail: to a server by SMTP, or to the host's sendmail. */
#include "target-priv.h"

#include "errors.h"
#include "text.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_MS 5000

/* What of a mail was sent. */
typedef struct Upload {
	const GString *mail;
	gsize at;
} Upload;

static char *sender_of(const VkTarget *target)
{
	return target->from ? g_strdup(target->from)
			    : g_strdup_printf("virtkeep@%s", g_get_host_name());
}

/* TEXT as a header has it: encoded in words (RFC 2047) if it is not ASCII. New string. */
static char *header_text(const char *text)
{
	g_autofree char *printable = vk_printable(text);
	GString *encoded = g_string_new(NULL);
	char *at = printable;

	if (g_str_is_ascii(printable))
		return g_string_free(encoded, FALSE), g_steal_pointer(&printable);
	while (*at) {
		char *end = at;
		g_autofree char *word = NULL;

		/* A word has at most 75 characters, and no part of one. */
		while (*end && end - at < 39)
			end = g_utf8_next_char(end);
		word = g_base64_encode((const guint8 *)at, (gsize)(end - at));
		g_string_append_printf(encoded, "%s=?UTF-8?B?%s?=", at == printable ? "" : "\r\n ",
				       word);
		at = end;
	}
	return g_string_free(encoded, FALSE);
}

/* In lines, because lines of a mail have at most 998 bytes. */
static void append_body(GString *mail, const char *text)
{
	gsize length = strlen(text);
	g_autofree char *lines = g_malloc((length / 3 + 1) * 4 + 4 + length / 18 + 8);
	int state = 0, save = 0;
	gsize count =
		g_base64_encode_step((const guint8 *)text, length, TRUE, lines, &state, &save);

	count += g_base64_encode_close(TRUE, lines + count, &state, &save);
	for (gsize i = 0; i < count; i++)
		g_string_append(mail, lines[i] == '\n' ? "\r\n" : (char[]){lines[i], '\0'});
}

/* Lines end with CR and LF. */
static GString *new_mail(const VkTarget *target, const VkNotice *notice)
{
	GString *mail = g_string_new(NULL);
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *date = g_date_time_format(now, "%a, %d %b %Y %H:%M:%S %z");
	g_autofree char *title = g_strdup_printf("virtkeep: %s", notice->subject);
	g_autofree char *subject = header_text(title);
	g_autofree char *from = sender_of(target);
	g_autofree char *to = g_strjoinv(",\r\n ", target->to);

	g_string_append_printf(mail,
			       "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\n"
			       "Message-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
			       "MIME-Version: 1.0\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Transfer-Encoding: base64\r\n\r\n",
			       from, to, subject, date, notice->id, g_get_host_name());
	append_body(mail, notice->text);
	return mail;
}

static size_t give(char *buffer, size_t size, size_t count, void *user)
{
	Upload *upload = user;
	gsize length = MIN(size * count, upload->mail->len - upload->at);

	memcpy(buffer, upload->mail->str + upload->at, length);
	upload->at += length;
	return length;
}

static void set_options(CURL *curl, const VkTarget *target, const char *password, gint64 deadline)
{
	gint64 left_ms = MAX((deadline - g_get_monotonic_time()) / 1000, 1);

	curl_easy_setopt(curl, CURLOPT_URL, target->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	/* A password never goes where all on the way can read it. */
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(password ? CURLUSESSL_ALL : CURLUSESSL_TRY));
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(left_ms, CONNECT_MS));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
	if (target->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca_file);
	if (password) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, target->user ? target->user : "");
		curl_easy_setopt(curl, CURLOPT_PASSWORD, password);
	}
}

static gboolean submit(CURL *curl, const VkTarget *target, const GString *mail, GError **error)
{
	Upload upload = {.mail = mail};
	char words[CURL_ERROR_SIZE] = "";
	g_autofree char *from = sender_of(target);
	struct curl_slist *to = NULL;
	CURLcode result;

	for (char **address = target->to; *address; address++)
		to = curl_slist_append(to, *address);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
	result = curl_easy_perform(curl);
	curl_slist_free_all(to);
	return result == CURLE_OK ||
	       vk_fail(error, VK_ERROR_FAILED, "it was not sent by '%s': %s", target->url,
		       *words ? words : curl_easy_strerror(result));
}

static gboolean send_by_smtp(const VkTarget *target, const GString *mail, gint64 deadline,
			     GError **error)
{
	g_autofree char *password = NULL;
	CURL *curl;
	gboolean done;

	if (!vk_target_secret(target, target->password_file, &password, error))
		return FALSE;
	curl = curl_easy_init();
	if (!curl)
		return vk_fail(error, VK_ERROR_FAILED, "libcurl does not start");
	set_options(curl, target, password, deadline);
	done = submit(curl, target, mail, error);
	curl_easy_cleanup(curl);
	return done;
}

/* It takes lines as the host has them. */
static gboolean send_by_command(const VkTarget *target, GString *mail, gint64 deadline,
				GError **error)
{
	g_string_replace(mail, "\r\n", "\n", 0);
	return vk_target_run(target, target->command ? target->command : VK_SENDMAIL " -t -oi",
			     mail, NULL, deadline, error);
}

gboolean vk_target_send_mail(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			     GError **error)
{
	g_autoptr(GString) mail = new_mail(target, notice);

	return target->url ? send_by_smtp(target, mail, deadline, error)
			   : send_by_command(target, mail, deadline, error);
}
