/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What answers in the name of an array. The first line of the input is a copy as a vault keeps it,
 * which may be anybody's, too. Each further line is a reply: the HTTP status and the body. After
 * the last one nothing answers. No reply makes a question go on for ever.
 */
#include "array-driver.h"
#include "errors.h"
#include "fuzz.h"
#include "http.h"
#include "json.h"
#include "ontap.h"
#include "ontap-snapshot.h"

#include <string.h>

#define STEP_US 50000

static char **replies; /* those that are left */
static gint64 now;

/* In place of GLib's clock: nobody waits. */
gint64 g_get_monotonic_time(void)
{
	return now += STEP_US;
}

void g_usleep(gulong microseconds)
{
	now += (gint64)microseconds;
}

/* In place of http.h. */
VkHttp *vk_http_new(const VkHttpOptions *options)
{
	return (VkHttp *)&replies;
}

void vk_http_free(VkHttp *http)
{
}

void vk_http_reply_clear(VkHttpReply *reply)
{
	if (reply->text)
		g_string_free(reply->text, TRUE);
	*reply = (VkHttpReply){0};
}

const char *vk_http_reply_header(const VkHttpReply *reply, const char *name)
{
	return NULL;
}

VkHttpOutcome vk_http_outcome_of(guint status)
{
	switch (status / 100) {
	case 2:
		return VK_HTTP_DONE;
	case 4:
		return VK_HTTP_REFUSED;
	default:
		return VK_HTTP_UNSURE;
	}
}

VkHttpOutcome vk_http_send(VkHttp *http, const VkHttpRequest *request, gint64 deadline,
			   VkHttpReply *ret, GError **error)
{
	char *body;

	if (!*replies || now >= deadline) {
		vk_fail(error, VK_ERROR_FAILED, "it does not answer");
		return VK_HTTP_UNSURE;
	}
	ret->status = (guint)g_ascii_strtoull(*replies, &body, 10) % 600;
	ret->text = g_string_new(body);
	replies++;
	return request->judge(ret, request->data, error);
}

static void warn(const char *format, ...)
{
}

static void ask_lists(VkOntap *ontap)
{
	g_autoptr(json_t) volumes = vk_ontap_known_list(ontap, "/api/storage/volumes", 0, NULL);
	g_autoptr(json_t) space = vk_ontap_name_space(ontap, "svm1", NULL);
	g_autoptr(json_t) one = vk_ontap_get(ontap->rest, "/api/cluster", NULL);
	g_auto(VkOntapReply) reply = {0};

	vk_ontap_change(ontap->rest, "POST", "/api/storage/volumes", json_object(), 0, &reply,
			NULL);
}

static void ask_about_snapshots(VkArray *array, const json_t *copy)
{
	g_autoptr(GPtrArray) found = array->ops->snapshots_of(array, copy, NULL);
	const char *volume, *name;
	gboolean there;

	array->ops->has(array, copy, &there, NULL);
	array->ops->allocated(array, copy);
	g_free(array->ops->reason(array, copy));
	for (guint i = 0; found && i < found->len; i++)
		g_assert(g_ptr_array_index(found, i));
	if (!vk_ontap_read_handle(copy, &volume, &name, NULL))
		return;
	array->ops->set_listed(array, copy, TRUE, NULL);
	array->ops->remove(array, copy, NULL);
}

static void ask_about_replicas(VkArray *array, const json_t *copy)
{
	g_autoptr(GPtrArray) arrays = g_ptr_array_new();
	g_autoptr(GPtrArray) relations = NULL;

	g_ptr_array_add(arrays, array);
	relations = array->ops->replications(array, arrays, copy, NULL);
	json_decref(array->ops->replica(array, arrays, copy, NULL));
	array->ops->replicate(array, arrays, copy, 1, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "[array a1]\ndriver = ontap\nurl = https://a1\nuser = u\n"
				   "client_cert = /nowhere\nclient_key = /nowhere\n";
	g_autoptr(VkSettings) settings = vk_settings_parse(text, strlen(text), "test", NULL);
	g_autofree char *lines = g_strndup((const char *)data, size);
	g_auto(GStrv) split = g_strsplit(lines, "\n", 100);
	g_autoptr(json_t) copy = NULL;
	VkArray *array = vk_ontap_driver.create(settings, "a1", warn, NULL);

	g_assert(array);
	array->driver = &vk_ontap_driver;
	replies = split;
	if (*replies) {
		copy = vk_json_parse(*replies, strlen(*replies), "copy", NULL);
		replies++;
	}
	if (copy) {
		ask_about_snapshots(array, copy);
		ask_about_replicas(array, copy);
	}
	ask_lists((VkOntap *)array);
	array->ops->free(array);
	return 0;
}
