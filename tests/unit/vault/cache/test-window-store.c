/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store that keeps what was read of another one, whose calls are counted. */
#include "window-store.h"

#include "errors.h"
#include "layout.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (20 * VK_WINDOW_SIZE + 12345)
#define PACK "packs/aa/one.0"
#define HINT "hints/one"

static char *directory, *cache;
static VkStore *inner, *store;
static guint8 *content;

/* The calls of a directory, counted. */
static VkStoreOps counting_ops;
static const VkStoreOps *plain_ops;
static gint gets, tails, wholes;
static gint is_slow; /* a get waits for this to be 0 */

static gboolean count_get(VkStore *of, const char *name, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	g_atomic_int_inc(&gets);
	while (g_atomic_int_get(&is_slow))
		g_thread_yield();
	return plain_ops->get(of, name, offset, buf, length, error);
}

static GBytes *count_all(VkStore *of, const char *name, gsize limit, GError **error)
{
	gsize length = MIN(limit, SIZE);
	g_autofree guint8 *buf = g_malloc(length);

	g_atomic_int_inc(&wholes);
	return plain_ops->get(of, name, 0, buf, length, error)
		       ? g_bytes_new_take(g_steal_pointer(&buf), length)
		       : NULL;
}

static GBytes *count_tail(VkStore *of, const char *name, gsize length, guint64 *ret_size,
			  GError **error)
{
	g_autofree guint8 *buf = g_malloc(length);

	g_atomic_int_inc(&tails);
	*ret_size = SIZE;
	return plain_ops->get(of, name, SIZE - length, buf, length, error)
		       ? g_bytes_new_take(g_steal_pointer(&buf), length)
		       : NULL;
}

/* A new process on the same store. */
static void open_store(VkKeep what, const char *owner, const char *files)
{
	if (store)
		store->ops->free(store);
	inner = vk_store_dir_new(directory, NULL, NULL);
	plain_ops = inner->ops;
	counting_ops = *plain_ops;
	counting_ops.get = count_get;
	counting_ops.get_all = count_all;
	counting_ops.get_tail = count_tail;
	inner->ops = &counting_ops;
	store = vk_window_store_new(inner);
	vk_window_store_keep(store, what, files, owner, (guint64)64 << 20);
	gets = tails = wholes = 0;
}

static void put(const char *name)
{
	struct iovec part = {.iov_base = content, .iov_len = SIZE};

	ck_assert(vk_store_put(inner, name, &part, 1, VK_PUT_NOW, NULL));
}

static void setup(void)
{
	directory = temp_directory_new();
	cache = temp_directory_new();
	store = vk_store_dir_new(directory, vk_vault_folders, NULL);
	content = g_malloc(SIZE);
	for (gsize i = 0; i < SIZE; i++)
		content[i] = (guint8)g_random_int();
	open_store(VK_KEEP_READS, "one", cache);
	put(PACK);
	put(HINT);
}

static void teardown(void)
{
	store->ops->free(store);
	store = NULL;
	temp_directory_remove(directory);
	temp_directory_remove(cache);
	g_free(directory);
	g_free(cache);
	g_free(content);
}

/* As the table of a pack is read: now its size is known. */
static void look_at_tail(void)
{
	guint64 size = 0;
	g_autoptr(GBytes) tail = vk_store_get_tail(store, PACK, 1000, &size, NULL);

	ck_assert_ptr_nonnull(tail);
	ck_assert_uint_eq(size, SIZE);
	ck_assert_mem_eq(g_bytes_get_data(tail, NULL), content + SIZE - 1000, 1000);
}

static void check(guint64 offset, gsize length)
{
	g_autofree guint8 *buf = g_malloc(length);
	g_autoptr(GError) error = NULL;

	ck_assert_msg(store->ops->get(store, PACK, offset, buf, length, &error), "%s",
		      error ? error->message : "");
	ck_assert_mem_eq(buf, content + offset, length);
}

START_TEST(a_window_is_asked_for_once)
{
	look_at_tail();
	for (guint i = 0; i < 10; i++)
		check(5 * VK_WINDOW_SIZE + i * 1000, 50000);
	ck_assert_int_eq(gets, 1);
	/* Another process finds it, and the end as well. */
	open_store(VK_KEEP_READS, "one", cache);
	look_at_tail();
	check(5 * VK_WINDOW_SIZE + 1000, 50000);
	ck_assert_int_eq(gets + tails, 0);
	/* That of another vault does not. */
	open_store(VK_KEEP_READS, "two", cache);
	look_at_tail();
	check(5 * VK_WINDOW_SIZE + 1000, 50000);
	ck_assert_int_eq(gets, 1);
	ck_assert_int_eq(tails, 1);
}
END_TEST

START_TEST(all_parts_are_right)
{
	look_at_tail();
	for (guint i = 0; i < 300; i++) {
		guint64 offset = (guint64)g_random_int_range(0, SIZE);
		gsize length = (gsize)g_random_int_range(1, 3 * VK_WINDOW_SIZE);

		length = MIN(length, SIZE - offset);

		check(offset, length);
		check(offset, MIN(length, 100));
	}
	check(SIZE - 1, 1);
	check(0, 64);
	ck_assert(!store->ops->get(store, PACK, SIZE - 1, (guint8[2]){0}, 2, NULL));
}
END_TEST

/* It is not worth a window, and many packs are looked at in their header only. */
START_TEST(a_header_does_not_fetch_a_window)
{
	look_at_tail();
	check(0, 256);
	check(0, 256);
	ck_assert_int_eq(gets, 1);
	open_store(VK_KEEP_READS, "one", cache);
	look_at_tail();
	check(0, 256);
	ck_assert_int_eq(gets, 0);
}
END_TEST

START_TEST(reading_on_fetches_ahead)
{
	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	ck_assert_int_eq(gets, 1);
	check(VK_WINDOW_SIZE, 1000);
	/* Two more are fetched, though nobody asks for them. */
	while (g_atomic_int_get(&gets) < 4)
		g_usleep(1000);
	check(2 * VK_WINDOW_SIZE, VK_WINDOW_SIZE);
	for (guint i = 3; i < 20; i++)
		check(i * VK_WINDOW_SIZE, VK_WINDOW_SIZE);
	check(20 * VK_WINDOW_SIZE, SIZE - 20 * VK_WINDOW_SIZE);
	ck_assert_int_eq(gets, 21);
}
END_TEST

static gpointer read_same(gpointer unused)
{
	check(7 * VK_WINDOW_SIZE + 1, 1000);
	return NULL;
}

START_TEST(who_wants_the_same_waits_for_one_request)
{
	GThread *threads[8];

	look_at_tail();
	g_atomic_int_set(&is_slow, 1);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("reader", read_same, NULL);
	while (g_atomic_int_get(&gets) < 1)
		g_usleep(1000);
	g_atomic_int_set(&is_slow, 0);
	for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	ck_assert_int_eq(gets, 1);
}
END_TEST

/* An error is for those who waited, and another try asks again. */
START_TEST(a_failure_is_not_kept)
{
	g_autoptr(GError) error = NULL;
	guint8 byte;

	look_at_tail();
	ck_assert(inner->ops->delete (inner, PACK, NULL));
	ck_assert(!store->ops->get(store, PACK, 3 * VK_WINDOW_SIZE, &byte, 1, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	put(PACK);
	check(3 * VK_WINDOW_SIZE, 1);
}
END_TEST

/* Who changes the vault learns by it whether the pack is there. */
START_TEST(packs_are_kept_for_readers_alone)
{
	g_autoptr(GBytes) tail = NULL;
	guint64 size;

	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	open_store(VK_KEEP_HINTS, "one", cache);
	look_at_tail();
	check(0, 1000);
	check(0, 1000);
	ck_assert_int_eq(gets, 2);
	ck_assert_int_eq(tails, 1);
	ck_assert(inner->ops->delete (inner, PACK, NULL));
	ck_assert(!vk_store_get_tail(store, PACK, 1000, &size, NULL));
	ck_assert(!store->ops->get(store, PACK, 0, (guint8[1]){0}, 1, NULL));
}
END_TEST

START_TEST(that_a_pack_is_there_says_the_store)
{
	g_autoptr(GPtrArray) names = NULL;
	guint64 size;

	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	ck_assert(inner->ops->delete (inner, PACK, NULL));
	check(0, VK_WINDOW_SIZE);
	ck_assert(!store->ops->head(store, PACK, &size, NULL, NULL));
	names = store->ops->list(store, "packs/aa", NULL);
	ck_assert_uint_eq(names->len, 0);
}
END_TEST

START_TEST(what_was_deleted_is_not_kept)
{
	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	ck_assert(store->ops->delete (store, PACK, NULL));
	ck_assert(!store->ops->get(store, PACK, 0, (guint8[1]){0}, 1, NULL));
}
END_TEST

/* What was damaged when it was read, and is sound now. */
START_TEST(what_is_not_trusted_is_read_again)
{
	g_autoptr(GError) trouble = NULL;

	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	check(0, VK_WINDOW_SIZE);
	ck_assert_int_eq(gets, 1);
	vk_fail(&trouble, VK_ERROR_FAILED, "no answer");
	ck_assert(!vk_store_distrust(store, PACK, &trouble));
	g_clear_error(&trouble);
	vk_fail(&trouble, VK_ERROR_DAMAGE, "checksum");
	ck_assert(vk_store_distrust(store, PACK, &trouble));
	ck_assert_ptr_null(trouble);
	check(0, VK_WINDOW_SIZE);
	check(0, VK_WINDOW_SIZE);
	ck_assert_int_eq(gets, 3);
	look_at_tail();
	look_at_tail();
	ck_assert_int_eq(tails, 3);
	/* And no other process gets it. */
	open_store(VK_KEEP_READS, "one", cache);
	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	ck_assert_int_eq(tails, 1);
	ck_assert_int_eq(gets, 1);
}
END_TEST

/* Of two readers who meet at the point where both have read what is damaged. */
static GMutex meeting;
static GCond met;
static guint arrived;

static void meet_other(void)
{
	g_mutex_lock(&meeting);
	arrived++;
	g_cond_broadcast(&met);
	while (arrived < 2)
		g_cond_wait(&met, &meeting);
	g_mutex_unlock(&meeting);
}

/* As whoever reads a frame does it. Returns whether the bytes were sound in the end. */
static gpointer read_twice(gpointer data)
{
	guint8 *buf = data;
	g_autoptr(GError) trouble = NULL;

	if (!store->ops->get(store, PACK, 0, buf, VK_WINDOW_SIZE, NULL) ||
	    memcmp(buf, content, VK_WINDOW_SIZE) == 0)
		return GINT_TO_POINTER(FALSE);
	meet_other();
	vk_fail(&trouble, VK_ERROR_DAMAGE, "checksum");
	return GINT_TO_POINTER(vk_store_distrust(store, PACK, &trouble) &&
			       store->ops->get(store, PACK, 0, buf, VK_WINDOW_SIZE, NULL) &&
			       memcmp(buf, content, VK_WINDOW_SIZE) == 0);
}

/* The second is not told that its bytes are the store's own. */
START_TEST(two_readers_of_a_damaged_window)
{
	g_autofree guint8 *one = g_malloc(VK_WINDOW_SIZE), *other = g_malloc(VK_WINDOW_SIZE);
	GThread *thread;

	look_at_tail();
	check(0, VK_WINDOW_SIZE);
	/* What is kept is not what the store has. */
	content[0] ^= 1;
	ck_assert(inner->ops->delete (inner, PACK, NULL));
	put(PACK);
	thread = g_thread_new("reader", read_twice, one);
	ck_assert(GPOINTER_TO_INT(read_twice(other)));
	ck_assert(GPOINTER_TO_INT(g_thread_join(thread)));
}
END_TEST

START_TEST(hints_are_kept)
{
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GBytes) hint = NULL;

		open_store(VK_KEEP_HINTS, "one", cache);
		hint = vk_store_get_all(store, HINT, 1000, NULL);
		ck_assert_uint_eq(g_bytes_get_size(hint), 1000);
		ck_assert_mem_eq(g_bytes_get_data(hint, NULL), content, 1000);
		ck_assert_int_eq(wholes, i == 0);
		/* Nothing else is, for it may be replaced. */
		put(i == 0 ? "leases/one" : "leases/two");
		g_bytes_unref(vk_store_get_all(store, "leases/one", 1000, NULL));
		g_bytes_unref(vk_store_get_all(store, "leases/one", 1000, NULL));
		ck_assert_int_eq(wholes, 2 + (i == 0));
	}
}
END_TEST

/* Windows are in memory all the same. */
START_TEST(it_works_without_files)
{
	static const char *const nowhere[] = {"/dev/null/nowhere", NULL};

	open_store(VK_KEEP_READS, "one", nowhere[_i]);
	look_at_tail();
	check(0, 64);
	for (guint i = 0; i < 5; i++)
		check(3 * VK_WINDOW_SIZE + i, 1000);
	ck_assert_int_eq(gets, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window-store");
	TCase *tcase = tcase_create("all");
	SRunner *runner;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_window_is_asked_for_once);
	tcase_add_test(tcase, all_parts_are_right);
	tcase_add_test(tcase, a_header_does_not_fetch_a_window);
	tcase_add_test(tcase, reading_on_fetches_ahead);
	tcase_add_test(tcase, who_wants_the_same_waits_for_one_request);
	tcase_add_test(tcase, a_failure_is_not_kept);
	tcase_add_test(tcase, packs_are_kept_for_readers_alone);
	tcase_add_test(tcase, that_a_pack_is_there_says_the_store);
	tcase_add_test(tcase, what_was_deleted_is_not_kept);
	tcase_add_test(tcase, what_is_not_trusted_is_read_again);
	tcase_add_test(tcase, two_readers_of_a_damaged_window);
	tcase_add_test(tcase, hints_are_kept);
	tcase_add_loop_test(tcase, it_works_without_files, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
