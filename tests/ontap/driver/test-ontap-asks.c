/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much the ONTAP driver asks, and how much it takes for an answer. */
#include "errors.h"
#include "ontap-nas.h"

#include <check.h>
#include <string.h>

#define THREADS 8

/* The requests of METHOD for lists of volumes by their junctions. */
static guint count_name_spaces(const json_t *requests)
{
	guint count = 0;
	gsize index;
	json_t *request;

	json_array_foreach (requests, index, request) {
		const json_t *query = json_object_get(request, "query");
		const char *path = json_string_value(json_object_get(request, "path"));

		count += strcmp(path, "/api/storage/volumes") == 0 &&
			 json_object_get(query, "nas.path") != NULL;
	}
	return count;
}

static guint count_status(const json_t *requests, json_int_t status)
{
	guint count = 0;
	gsize index;
	json_t *request;

	json_array_foreach (requests, index, request)
		count += json_integer_value(json_object_get(request, "status")) == status;
	return count;
}

static void add_endless(const char *with, const char *key, json_t *value)
{
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("[{s:s, s:s, s:i}, {s:s, s:s, s:i, s:o}]", "action",
				      "endless_page", "path", "/interfaces", "times", -1, "action",
				      with, "path", "/interfaces", "times", -1, key, value)));
}

/* Each page comes in time, and there is always another one. */
START_TEST(ends_a_list_that_takes_too_long)
{
	g_autoptr(GError) error = NULL;
	gint64 begun;

	bed_set_timeout(bed, 1);
	add_endless("delay", "seconds", json_real(0.3));
	begun = g_get_monotonic_time();
	ck_assert_ptr_null(nas_try_probe("vm/web.raw", &error));
	ck_assert_msg(strstr(error->message, "takes too long") != NULL, "%s", error->message);
	ck_assert_int_lt(g_get_monotonic_time() - begun, 10 * G_USEC_PER_SEC);
}
END_TEST

START_TEST(ends_a_list_that_is_too_long)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	json_decref(bed_requests(bed));
	add_endless("padded", "bytes", json_integer(10 << 20));
	ck_assert_ptr_null(nas_try_probe("vm/web.raw", &error));
	ck_assert_msg(strstr(error->message, "longer than 64 MiB") != NULL, "%s", error->message);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/interfaces"), 7);
}
END_TEST

START_TEST(asks_for_lists_once)
{
	static const char *const images[] = {"vm/web.raw", "vm/sub/mail.raw", "vmstore/data.raw"};
	g_autoptr(json_t) requests = NULL;

	json_decref(bed_requests(bed));
	for (guint i = 0; i < 3 * G_N_ELEMENTS(images); i++)
		vk_array_disk_free(nas_probe(images[i % G_N_ELEMENTS(images)]));
	for (guint i = 0; i < 3; i++) {
		g_autoptr(VkArrayDisk) disk = nas_probe("vm/web.raw");
		g_autoptr(GPtrArray) found =
			vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, NULL);

		ck_assert_ptr_nonnull(found);
	}
	json_decref(nas_listed_copy(TRUE));
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/interfaces"), 1);
	ck_assert_uint_eq(count_name_spaces(requests), 1);
	/* And which groups are left, and that of the set. */
	ck_assert_uint_eq(bed_count(requests, "GET", "/api/storage/volumes"), 3);
	ck_assert_uint_eq(bed_count(requests, "GET", "/api/cluster"), 1);
}
END_TEST

/* A copy that was taken before; NULL: none. */
static json_t *taken;

/* Looks for its snapshot, which is a question of one's own, or else for an image. */
static gpointer ask_thrice(gpointer error)
{
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(GPtrArray) found =
			taken ? vk_arrays_snapshots_of(bed->arrays, taken, &trouble) : NULL;

		if (!taken)
			vk_array_disk_free(nas_try_probe("vm/web.raw", &trouble));
		if (trouble && !*(GError **)error)
			g_propagate_error(error, g_steal_pointer(&trouble));
	}
	return NULL;
}

/* From several guests' threads at a time. *RET_ERROR: the first that any of them got. */
static json_t *ask_at_once(GError **ret_error)
{
	GThread *threads[THREADS];
	GError *errors[THREADS] = {0};

	json_decref(bed_requests(bed));
	for (guint i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("ask", ask_thrice, &errors[i]);
	for (guint i = 0; i < THREADS; i++) {
		g_thread_join(threads[i]);
		if (!*ret_error)
			*ret_error = g_steal_pointer(&errors[i]);
		g_clear_error(&errors[i]);
	}
	return bed_requests(bed);
}

START_TEST(asks_for_lists_once_for_all_threads)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = ask_at_once(&error);

	bed_succeed(error == NULL, error);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/interfaces"), 1);
	ck_assert_uint_eq(count_name_spaces(requests), 1);
}
END_TEST

/* What did not come is asked for again, and nobody is told what is old. */
START_TEST(asks_again_for_a_list_that_failed)
{
	g_autoptr(GError) error = NULL;

	bed_add_fault(bed, "error_200", "GET", "/interfaces", "before");
	ck_assert_ptr_null(nas_try_probe("vm/web.raw", &error));
	vk_array_disk_free(nas_probe("vm/web.raw"));
}
END_TEST

/* With the version in the section, nothing but the login keeps requests from going side by side. */
static void log_in_by(const char *how)
{
	g_autofree char *section =
		g_strdup_printf("[array c1]\nurl = https://127.0.0.1:%%\nversion = 9.14.1\n"
				"ca_file = @/state/ca.pem\n%s",
				how);

	bed_configure(bed, section);
}

START_TEST(tries_a_wrong_password_once)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	taken = nas_listed_copy(FALSE);
	bed_write(bed, "password", "wrong");
	log_in_by("user = admin\npassword_file = @/password\n");
	requests = ask_at_once(&error);
	ck_assert_msg(error && strstr(error->message, "check user, password_file"), "%s",
		      error ? error->message : "it worked");
	ck_assert_uint_eq(json_array_size(requests), 1);
	ck_assert_uint_eq(count_status(requests, 401), 1);
	/* Another one is another try. */
	bed_write(bed, "password", "secret");
	vk_array_disk_free(nas_probe("vm/web.raw"));
	g_clear_pointer(&taken, json_decref);
}
END_TEST

START_TEST(tries_a_refused_certificate_once)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	taken = nas_listed_copy(FALSE);
	log_in_by("client_cert = @/state/client-robot.pem\n"
		  "client_key = @/state/client-robot.key\n");
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:i, s:s, s:s}", "action", "status", "status", 401,
					  "code", "6691623", "path", "/api/")));
	requests = ask_at_once(&error);
	ck_assert_ptr_nonnull(error);
	ck_assert_uint_eq(json_array_size(requests), 1);
	g_clear_pointer(&taken, json_decref);
}
END_TEST

/* A password that was changed under a run is refused in the middle of it. */
START_TEST(stops_when_it_is_let_in_no_more)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) again = NULL;
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	g_autoptr(json_t) requests = NULL;

	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:i, s:s, s:s}", "action", "status", "status", 401,
					  "code", "6691623", "path", "/snapshots")));
	json_decref(bed_requests(bed));
	ck_assert_ptr_null(vk_arrays_snapshots_of(bed->arrays, copy, &error));
	ck_assert_ptr_null(vk_arrays_snapshots_of(bed->arrays, copy, &again));
	ck_assert_msg(strstr(again->message, "has refused the login") != NULL, "%s",
		      again->message);
	requests = bed_requests(bed);
	ck_assert_uint_eq(json_array_size(requests), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-asks");
	TCase *tcase = tcase_create("ontap-asks");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, ends_a_list_that_takes_too_long);
	tcase_add_test(tcase, ends_a_list_that_is_too_long);
	tcase_add_test(tcase, asks_for_lists_once);
	tcase_add_test(tcase, asks_for_lists_once_for_all_threads);
	tcase_add_test(tcase, asks_again_for_a_list_that_failed);
	tcase_add_test(tcase, tries_a_wrong_password_once);
	tcase_add_test(tcase, tries_a_refused_certificate_once);
	tcase_add_test(tcase, stops_when_it_is_let_in_no_more);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
