/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-rest.h"

#include "errors.h"
#include "json.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION(generation, major, minor) ((generation)*10000u + (major)*100u + (minor))
/* With it came consistency groups that are snapshotted in two phases. */
#define VERSION_MIN VERSION(9, 11, 1)
/* Of a list, over all of its pages. */
#define LIST_BYTES_MAX ((gsize)64 * 1024 * 1024)
#define LIST_TIMEOUTS  4
#define LOOK_SECONDS   5
#define POLL_US        (G_USEC_PER_SEC / 10)
#define POLL_MAX_US    ((gint64)2 * G_USEC_PER_SEC)

struct VkOntapRest {
	VkOntapHttp *http;
	char *name;
	char *timeout_key; /* as the configuration writes it */
	gint64 timeout_us;
	GMutex mutex;
	guint version; /* guarded by the mutex; 0 as long as it is unknown */
	char *cluster; /* likewise; NULL */
};

guint vk_ontap_parse_version(const char *text)
{
	guint generation, major, minor = 0;
	int length = 0;

	if (sscanf(text, "%2u.%2u%n.%2u%n", &generation, &major, &length, &minor, &length) < 2 ||
	    text[length])
		return 0;
	return VERSION(generation, major, minor);
}

VkOntapRest *vk_ontap_rest_new(const VkSettings *settings, const char *name, VkWarn warn,
			       GError **error)
{
	const char *version = vk_settings_get_named(settings, "array", name, "version");
	const char *timeout = vk_settings_get_named(settings, "array", name, "timeout");
	g_autofree char *group = g_strdup_printf("array %s", name);
	VkOntapRest *rest;

	if (version && !vk_ontap_parse_version(version)) {
		vk_fail(error, VK_ERROR_USAGE, "array '%s': version must be like 9.11.1, not '%s'",
			name, version);
		return NULL;
	}
	rest = g_new0(VkOntapRest, 1);
	rest->http = vk_ontap_http_new(settings, name, warn);
	rest->name = g_strdup(name);
	rest->timeout_key = g_strdup(vk_settings_written_key(settings, group, "timeout"));
	rest->timeout_us = (gint64)MAX(g_ascii_strtoull(timeout, NULL, 10), 1) * G_USEC_PER_SEC;
	rest->version = version ? vk_ontap_parse_version(version) : 0;
	g_mutex_init(&rest->mutex);
	return rest;
}

void vk_ontap_rest_free(VkOntapRest *rest)
{
	if (!rest)
		return;
	vk_ontap_http_free(rest->http);
	g_mutex_clear(&rest->mutex);
	g_free(rest->name);
	g_free(rest->timeout_key);
	g_free(rest->cluster);
	g_free(rest);
}

char *vk_ontap_url(const char *path, ...)
{
	GString *url = g_string_new(path);
	const char *name;
	va_list list;
	char before = '?';

	va_start(list, path);
	while ((name = va_arg(list, const char *))) {
		g_autofree char *value =
			g_uri_escape_string(va_arg(list, const char *), NULL, FALSE);

		g_string_append_printf(url, "%c%s=%s", before, name, value);
		before = '&';
	}
	va_end(list);
	return g_string_free(url, FALSE);
}

static gint64 deadline_of(const VkOntapRest *rest, gint64 deadline)
{
	return deadline ? deadline : g_get_monotonic_time() + rest->timeout_us;
}

gint64 vk_ontap_deadline(const VkOntapRest *rest, guint seconds)
{
	return g_get_monotonic_time() + MIN((gint64)seconds * G_USEC_PER_SEC, rest->timeout_us);
}

gint64 vk_ontap_look_deadline(const VkOntapRest *rest, gint64 deadline)
{
	return MAX(deadline, vk_ontap_deadline(rest, LOOK_SECONDS));
}

gboolean vk_ontap_wait(gint64 *pause, gint64 deadline)
{
	*pause = *pause ? MIN(*pause * 7 / 5, POLL_MAX_US) : POLL_US;
	if (g_get_monotonic_time() + *pause >= deadline)
		return FALSE;
	g_usleep((gulong)*pause);
	return TRUE;
}

static guint read_version(const json_t *cluster)
{
	const json_t *version = json_object_get(cluster, "version");
	json_int_t numbers[3] = {0};
	const char *names[] = {"generation", "major", "minor"};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		numbers[i] = json_integer_value(json_object_get(version, names[i]));
		if (numbers[i] < 0 || numbers[i] > 99)
			return 0;
	}
	return VERSION((guint)numbers[0], (guint)numbers[1], (guint)numbers[2]);
}

/* With the mutex held. */
static gboolean ask_version(VkOntapRest *rest, GError **error)
{
	g_auto(VkOntapReply) reply = {0};
	g_autoptr(GError) trouble = NULL;

	if (!vk_ontap_http_send(rest->http, "GET", "/api/cluster?fields=name,version", NULL,
				deadline_of(rest, 0), &reply, &trouble)) {
		if (reply.status == 403)
			return vk_fail(error, VK_ERROR_USAGE,
				       "its version cannot be asked for, set it as 'version': %s",
				       trouble->message);
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	rest->version = read_version(reply.body);
	g_free(rest->cluster);
	rest->cluster = g_strdup(vk_json_optional_string(reply.body, "name"));
	return rest->version ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "array '%s': it does not say its version; set 'version'", rest->name);
}

static gboolean check_version(VkOntapRest *rest, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&rest->mutex);

	if (!rest->version && !ask_version(rest, error))
		return FALSE;
	return rest->version >= VERSION_MIN ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "array '%s': it runs ONTAP %u.%u.%u, and virtkeep needs %u.%u.%u or newer",
		       rest->name, rest->version / 10000, rest->version / 100 % 100,
		       rest->version % 100, VERSION_MIN / 10000, VERSION_MIN / 100 % 100,
		       VERSION_MIN % 100);
}

char *vk_ontap_cluster_name(VkOntapRest *rest)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&rest->mutex);

	return g_strdup(rest->cluster);
}

/* A list as far as it was read. */
typedef struct Listing {
	const char *url; /* of its first page */
	gint64 until;
	gsize bytes;
	json_t *records;
} Listing;

static gboolean add_page(VkOntapRest *rest, const char *url, gint64 deadline, Listing *listing,
			 char **ret_next, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_auto(VkOntapReply) reply = {0};
	const json_t *links;

	if (!vk_ontap_http_send(rest->http, "GET", url, NULL, deadline, &reply, &trouble)) {
		/* Only this code: a 404 may also come from a server in between. */
		if (reply.code == VK_ONTAP_NO_VOLUME)
			trouble->code = VK_ERROR_NOT_FOUND;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	listing->bytes += reply.length;
	json_array_extend(listing->records, json_object_get(reply.body, "records"));
	links = json_object_get(json_object_get(reply.body, "_links"), "next");
	*ret_next = g_strdup(vk_json_optional_string(links, "href"));
	return TRUE;
}

/* Whether to ask for the page NEXT after PAGE: no list may go on for ever. */
static gboolean check_next(const VkOntapRest *rest, const Listing *listing, const char *page,
			   const char *next, GError **error)
{
	if (strcmp(next, page) == 0 || !g_str_has_prefix(next, "/api/"))
		return vk_fail(error, VK_ERROR_FAILED, "array '%s': the pages of '%s' have no end",
			       rest->name, listing->url);
	if (listing->bytes > LIST_BYTES_MAX)
		return vk_fail(error, VK_ERROR_FAILED,
			       "array '%s': the list '%s' is longer than %zu MiB: set svm in its "
			       "section",
			       rest->name, listing->url, LIST_BYTES_MAX >> 20);
	return g_get_monotonic_time() < listing->until ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "array '%s': the list '%s' takes too long: raise %s in its section",
		       rest->name, listing->url, rest->timeout_key);
}

json_t *vk_ontap_list(VkOntapRest *rest, const char *url, gint64 deadline, GError **error)
{
	g_autoptr(json_t) records = json_array();
	g_autofree char *page = g_strdup(url);
	Listing listing = {.url = url, .until = deadline, .records = records};

	if (!check_version(rest, error))
		return NULL;
	if (!deadline)
		listing.until = g_get_monotonic_time() + LIST_TIMEOUTS * rest->timeout_us;
	while (page) {
		g_autofree char *next = NULL;

		if (!add_page(rest, page, deadline_of(rest, deadline), &listing, &next, error) ||
		    (next && !check_next(rest, &listing, page, next, error)))
			return NULL;
		g_free(page);
		page = g_steal_pointer(&next);
	}
	return g_steal_pointer(&records);
}

static gboolean is_missing(const VkOntapReply *reply)
{
	return reply->status == 404 || reply->code == VK_ONTAP_NO_ENTRY;
}

json_t *vk_ontap_get(VkOntapRest *rest, const char *url, GError **error)
{
	g_auto(VkOntapReply) reply = {0};
	g_autoptr(GError) trouble = NULL;

	if (!check_version(rest, error))
		return NULL;
	if (vk_ontap_http_send(rest->http, "GET", url, NULL, deadline_of(rest, 0), &reply,
			       &trouble))
		return g_steal_pointer(&reply.body);
	if (is_missing(&reply))
		trouble->code = VK_ERROR_NOT_FOUND;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return NULL;
}

/* TRUE once the job has ended well. */
static gboolean judge_job(const VkOntapRest *rest, const json_t *job, gboolean *ret_is_final,
			  VkOntapReply *reply, GError **error)
{
	const char *state = vk_json_optional_string(job, "state");
	const json_t *trouble = json_object_get(job, "error");
	const char *message;

	*ret_is_final = TRUE;
	if (g_strcmp0(state, "success") == 0)
		return TRUE;
	if (g_strcmp0(state, "failure") != 0) {
		*ret_is_final = FALSE;
		return FALSE;
	}
	if (!trouble)
		trouble = job;
	reply->code = vk_ontap_code(json_object_get(trouble, "code"));
	message = vk_json_optional_string(trouble, "message");
	g_autofree char *words = vk_printable_foreign(message ? message : "its job failed");
	return vk_fail(error, VK_ERROR_FAILED, "array '%s': %s (code %" G_GUINT64_FORMAT ")",
		       rest->name, words, reply->code);
}

/* A job that cannot be watched to its end may have done everything. */
static gboolean await_job(VkOntapRest *rest, const char *uuid, gint64 deadline, VkOntapReply *ret,
			  GError **error)
{
	g_autofree char *path = g_strconcat("/api/cluster/jobs/", uuid, NULL);
	g_autofree char *url = vk_ontap_url(path, "fields", "**", NULL);
	gint64 pause = 0;

	do {
		g_auto(VkOntapReply) reply = {0};
		gboolean is_final = FALSE;

		if (!vk_ontap_http_send(rest->http, "GET", url, NULL, deadline, &reply, error)) {
			ret->is_unsure = TRUE;
			g_prefix_error(error, "the result of the array's job is unknown: ");
			return FALSE;
		}
		if (judge_job(rest, reply.body, &is_final, ret, error))
			return TRUE;
		if (is_final)
			return FALSE;
	} while (vk_ontap_wait(&pause, deadline));
	ret->is_unsure = TRUE;
	return vk_fail(error, VK_ERROR_FAILED, "array '%s': its job '%s' takes too long",
		       rest->name, uuid);
}

static gboolean await_jobs(VkOntapRest *rest, gint64 deadline, VkOntapReply *reply, GError **error)
{
	const json_t *one = json_object_get(reply->body, "job");
	const json_t *many = json_object_get(reply->body, "jobs");
	gsize count = one ? 1 : json_array_size(many);

	if (count == 0 && reply->status == 202) {
		reply->is_unsure = TRUE;
		return vk_fail(error, VK_ERROR_FAILED,
			       "array '%s': it began an operation but sent no job", rest->name);
	}
	for (gsize i = 0; i < count; i++) {
		const json_t *job = one ? one : json_array_get(many, i);
		const char *uuid = vk_json_optional_string(job, "uuid");

		if (!uuid || !g_uuid_string_is_valid(uuid)) {
			reply->is_unsure = TRUE;
			return vk_fail(error, VK_ERROR_FAILED,
				       "array '%s': it sent a job without a uuid", rest->name);
		}
		if (!await_job(rest, uuid, deadline, reply, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_ontap_change(VkOntapRest *rest, const char *method, const char *url, json_t *body,
			 gint64 deadline, VkOntapReply *ret, GError **error)
{
	g_autoptr(json_t) owned = body;
	g_autoptr(GError) trouble = NULL;
	gint64 until = deadline_of(rest, deadline);

	if (!check_version(rest, error))
		return FALSE;
	if (vk_ontap_http_send(rest->http, method, url, owned, until, ret, &trouble) &&
	    await_jobs(rest, until, ret, &trouble))
		return TRUE;
	if (!ret->is_unsure && is_missing(ret)) {
		if (strcmp(method, "DELETE") == 0)
			return TRUE;
		trouble->code = VK_ERROR_NOT_FOUND;
	}
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}
