/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the store on S3 promises of uploads that are under way, against the stand-in. */
#include "store.h"

#include "checked-json.h"
#include "errors.h"
#include "layout.h"
#include "temp-vault.h"
#include "vault-parts.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT "what is in the pack"

static char *directory;
static VkStore *store;

static void set_faults(const char *lines)
{
	ck_assert(g_file_set_contents(g_getenv("VK_TEST_S3_FAULTS"), lines, -1, NULL));
}

static VkStore *open_store(void)
{
	g_autofree char *name = g_path_get_basename(directory);
	g_autofree char *url = g_strconcat(g_getenv("VK_TEST_S3"), "/", name, NULL);

	return vk_store_s3_new(url, FALSE, NULL);
}

static void setup(void)
{
	set_faults("");
	directory = temp_directory_new();
	store = open_store();
	ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
}

static gboolean put(const char *name, VkPutMode mode, GError **error)
{
	char text[] = CONTENT;
	struct iovec parts[] = {{.iov_base = text, .iov_len = 5},
				{.iov_base = text + 5, .iov_len = strlen(text) - 5}};

	return vk_store_put(store, name, parts, 2, mode, error);
}

static void check_content(VkStore *from, const char *name)
{
	char text[sizeof(CONTENT)] = "";
	GError *error = NULL;

	ck_assert_msg(from->ops->get(from, name, 5, text, strlen(CONTENT) - 5, &error), "%s",
		      error ? error->message : "");
	ck_assert_str_eq(text, &CONTENT[5]);
}

/* The answers come late, so that it is seen what waits for them. */
START_TEST(a_pack_is_there_for_its_writer_at_once)
{
	VkStore *other = open_store();
	guint64 size;

	set_faults("- hang:0.5 PUT *");
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	ck_assert(!other->ops->head(other, "packs/aa/one", &size, NULL, NULL));
	check_content(store, "packs/aa/one");
	ck_assert(store->ops->head(store, "packs/aa/one", &size, NULL, NULL));
	ck_assert_uint_eq(size, strlen(CONTENT));
	ck_assert(!put("packs/aa/one", VK_PUT_LATER, NULL));
	ck_assert(store->ops->sync(store, NULL));
	check_content(other, "packs/aa/one");
	check_content(store, "packs/aa/one");
	other->ops->free(other);
}
END_TEST

/* Leases are looked for at once, though they need not be durable. */
START_TEST(all_else_is_there_for_others_at_once)
{
	VkStore *other = open_store();

	set_faults("- hang:0.2 PUT *");
	ck_assert(put("leases/one", VK_PUT_LATER, NULL));
	check_content(other, "leases/one");
	other->ops->free(other);
}
END_TEST

START_TEST(a_pack_that_was_deleted_does_not_come_back)
{
	guint64 size;

	set_faults("- hang:0.3 PUT *");
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	ck_assert(store->ops->delete (store, "packs/aa/one", NULL));
	ck_assert(store->ops->sync(store, NULL));
	ck_assert(!store->ops->head(store, "packs/aa/one", &size, NULL, NULL));
}
END_TEST

/* Whoever shares the store has perhaps used a slot of it. */
START_TEST(a_pack_that_is_lost_is_told_for_ever)
{
	GError *error = NULL;

	set_faults("1 code:403:QuotaExceeded PUT *packs*");
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	for (guint i = 0; i < 2; i++) {
		ck_assert(!store->ops->sync(store, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FULL));
		ck_assert_ptr_nonnull(strstr(error->message, "packs/aa/one"));
		g_clear_error(&error);
	}
	ck_assert(!put("packs/aa/two", VK_PUT_LATER, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "start again"));
	g_error_free(error);
}
END_TEST

static void check_tail(void)
{
	guint64 size = 0;
	g_autoptr(GBytes) tail = vk_store_get_tail(store, "packs/aa/one", 4, &size, NULL);

	ck_assert_ptr_nonnull(tail);
	ck_assert_uint_eq(size, strlen(CONTENT));
	ck_assert_uint_eq(g_bytes_get_size(tail), 4);
	ck_assert(memcmp(g_bytes_get_data(tail, NULL), &CONTENT[strlen(CONTENT) - 4], 4) == 0);
}

/* Of a pack under way; in one request; and of a server that does not know how to do that. */
START_TEST(the_tail_of_a_pack_is_got)
{
	g_autoptr(json_t) traits = json_pack("{s:b}", "suffix_range", FALSE);

	set_faults("- hang:0.2 PUT *");
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	check_tail();
	ck_assert(store->ops->sync(store, NULL));
	set_faults("- 403 HEAD *");
	check_tail();
	set_faults("1 whole GET *");
	check_tail();
	set_faults("1 whole GET *");
	store->ops->set_traits(store, traits);
	ck_assert(!vk_store_get_tail(store, "packs/aa/one", 4, &(guint64){0}, NULL));
	check_tail();
}
END_TEST

/* It ends its lease, and a collector says what it leaves. */
START_TEST(who_lost_a_pack_can_still_end_its_work)
{
	static const char *const taken[] = {"leases/one.end",
					    "gc/one",
					    "fence/one.0",
					    "tmp/one",
					    "checks/1-data-one.json",
					    "snaps/guest/20261122T201405Z-one.gone-1"};
	static const char *const refused[] = {"packs/aa/two", "hints/two",
					      "snaps/guest/20261122T201405Z-two.json",
					      "copies/guest/20261122T201405Z-two.json"};

	set_faults("1 code:403:QuotaExceeded PUT *packs*");
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	ck_assert(!store->ops->sync(store, NULL));
	for (guint i = 0; i < G_N_ELEMENTS(taken); i++) {
		ck_assert_msg(put(taken[i], VK_PUT_NOW, NULL), "%s", taken[i]);
		ck_assert(store->ops->delete (store, taken[i], NULL));
	}
	for (guint i = 0; i < G_N_ELEMENTS(refused); i++)
		ck_assert_msg(!put(refused[i], VK_PUT_NOW, NULL), "%s", refused[i]);
}
END_TEST

/* Nobody has such a stack. */
START_TEST(uploads_without_threads_fail)
{
	pthread_attr_t usual, huge;
	GError *error = NULL;

	ck_assert_int_eq(pthread_getattr_default_np(&usual), 0);
	ck_assert_int_eq(pthread_attr_init(&huge), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 50), 0);
	ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
	ck_assert(!put("packs/aa/one", VK_PUT_LATER, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "threads"));
	g_error_free(error);
	ck_assert_int_eq(pthread_setattr_default_np(&usual), 0);
	ck_assert(put("packs/aa/one", VK_PUT_LATER, NULL));
	ck_assert(store->ops->sync(store, NULL));
	check_content(store, "packs/aa/one");
}
END_TEST

/* Four at a time: what is more has to wait. */
START_TEST(uploads_are_bounded)
{
	gint64 begun = g_get_monotonic_time();

	set_faults("- hang:0.4 PUT *");
	for (guint i = 0; i < 9; i++) {
		g_autofree char *name = g_strdup_printf("packs/aa/%u", i);

		ck_assert(put(name, VK_PUT_LATER, NULL));
	}
	/* The ninth was taken when the first of the second four was done. */
	ck_assert_int_ge(g_get_monotonic_time() - begun, 2 * 400 * G_TIME_SPAN_MILLISECOND);
	ck_assert(store->ops->sync(store, NULL));
	/* One after the other they take nine times as long. */
	ck_assert_int_lt(g_get_monotonic_time() - begun, 9 * 400 * G_TIME_SPAN_MILLISECOND);
}
END_TEST

START_TEST(lists_and_stamps_follow_what_is_there)
{
	g_autoptr(GPtrArray) names = NULL;
	guint64 first, second, third;

	ck_assert(put("snaps/a/one.json", VK_PUT_NOW, NULL));
	ck_assert(store->ops->stamp(store, "snaps", &first, NULL));
	ck_assert(put("snaps/a/two", VK_PUT_NOW, NULL));
	ck_assert(store->ops->stamp(store, "snaps", &second, NULL));
	ck_assert(first != second);
	ck_assert(store->ops->delete (store, "snaps/a/two", NULL));
	ck_assert(store->ops->stamp(store, "snaps", &third, NULL));
	ck_assert(first == third);
	names = store->ops->list(store, "snaps", NULL);
	ck_assert_uint_eq(names->len, 1);
	ck_assert_str_eq(names->pdata[0], "a/");
	g_ptr_array_unref(names);
	/* As a listing calls the folder. */
	names = store->ops->list(store, "snaps/a/", NULL);
	ck_assert_uint_eq(names->len, 1);
	ck_assert_str_eq(names->pdata[0], "one.json");
	ck_assert(store->ops->identify(store, "snaps/a/one.json", &first));
	ck_assert(put("snaps/a/one.json", VK_PUT_OVER, NULL));
	ck_assert(!store->ops->identify(store, "snaps/a", &first));
}
END_TEST

static guint count_requests(void)
{
	g_autofree char *text = NULL;
	guint count = 0;

	ck_assert(g_file_get_contents(g_getenv("VK_TEST_S3_LOG"), &text, NULL, NULL));
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	return count;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* However many folders there are. */
START_TEST(what_is_in_folders_is_listed_by_one_request)
{
	static const char *const names[] = {"packs/00/one",  "packs/00/two", "packs/7f/one",
					    "packs/ff/one",  "packs/stray",  "packs/aa/bb/deep",
					    "packsother/a/b"};
	g_autoptr(GPtrArray) found = NULL;
	guint before;

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		ck_assert(put(names[i], VK_PUT_NOW, NULL));
	before = count_requests();
	found = vk_store_list_deep(store, "packs", NULL);
	ck_assert_uint_eq(count_requests() - before, 1);
	ck_assert_uint_eq(found->len, 4);
	g_ptr_array_sort(found, compare_names);
	for (guint i = 0; i < found->len; i++)
		ck_assert_str_eq(found->pdata[i], names[i] + strlen("packs/"));
	set_faults("1 403 GET ?*");
	ck_assert(!vk_store_list_deep(store, "packs", NULL));
}
END_TEST

/* A folder has no identity, and nobody asks the server for one. */
START_TEST(a_folder_is_not_asked_for)
{
	guint before = count_requests();
	guint64 identity;

	ck_assert(!store->ops->identify(store, "snaps/11111111-2222-3333-4444-555555555555",
					&identity));
	ck_assert_uint_eq(count_requests(), before);
}
END_TEST

static gboolean put_into(VkVault *vault, const char *name, GError **error)
{
	return vk_store_put(vault->store, name, NULL, 0, VK_PUT_NOW, error);
}

/* A server that does not heed If-None-Match does not say so. */
START_TEST(what_init_found_out_stays_with_the_vault)
{
	g_autofree char *name = g_path_get_basename(directory);
	g_autofree char *url = g_strdup_printf("s3:%s/%s/vault", g_getenv("VK_TEST_S3"), name);
	g_autoptr(GError) error = NULL;
	VkVault *vault;

	set_faults("- unconditional PUT *\n- retag * *");
	vault = vk_vault_init(url, &error);
	ck_assert_msg(vault != NULL, "%s", error ? error->message : "");
	vk_vault_free(vault);
	vault = vk_vault_open(url, VK_VAULT_WRITE, NULL);
	ck_assert(put_into(vault, "leases/one", NULL));
	ck_assert(!put_into(vault, "leases/one", &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_EXISTS));
	vk_vault_free(vault);
}
END_TEST

/* An earlier version's vault does not say whether ETags are MD5s. */
START_TEST(a_vault_that_knows_nothing_of_its_server_is_written)
{
	g_autofree char *name = g_path_get_basename(directory);
	g_autofree char *url = g_strdup_printf("s3:%s/%s/vault", g_getenv("VK_TEST_S3"), name);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) object = NULL;
	VkVault *vault = vk_vault_init(url, NULL);

	ck_assert_ptr_nonnull(vault);
	object = vk_checked_json_get(vault->outside, VK_VAULT_OBJECT, NULL);
	if (_i == 0)
		json_object_del(object, "store");
	else
		json_object_clear(json_object_get(object, "store"));
	ck_assert(vk_checked_json_put(vault->outside, VK_VAULT_OBJECT, object, VK_PUT_OVER, NULL));
	vk_vault_free(vault);
	set_faults("- retag * *");
	vault = vk_vault_open(url, VK_VAULT_WRITE, &error);
	ck_assert_msg(vault != NULL, "%s", error ? error->message : "");
	ck_assert_msg(put_into(vault, "leases/one", &error), "%s", error ? error->message : "");
	vk_vault_free(vault);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store-s3");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_pack_is_there_for_its_writer_at_once);
	tcase_add_test(tcase, all_else_is_there_for_others_at_once);
	tcase_add_test(tcase, a_pack_that_was_deleted_does_not_come_back);
	tcase_add_test(tcase, a_pack_that_is_lost_is_told_for_ever);
	tcase_add_test(tcase, the_tail_of_a_pack_is_got);
	tcase_add_test(tcase, who_lost_a_pack_can_still_end_its_work);
	tcase_add_test(tcase, uploads_without_threads_fail);
	tcase_add_test(tcase, uploads_are_bounded);
	tcase_add_test(tcase, lists_and_stamps_follow_what_is_there);
	tcase_add_test(tcase, what_is_in_folders_is_listed_by_one_request);
	tcase_add_test(tcase, a_folder_is_not_asked_for);
	tcase_add_test(tcase, what_init_found_out_stays_with_the_vault);
	tcase_add_loop_test(tcase, a_vault_that_knows_nothing_of_its_server_is_written, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
