/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What several threads read together takes the time that it should, however it is shared. */
#include "memory-source.h"
#include "interrupt.h"
#include "rate-limit.h"
#include "session.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MIB 1048576u

static gint64 began; /* when the first may read */
static gint64 given; /* bytes that may be read; atomic */
static gint64 rate;  /* bytes a second; 0: unlimited */

static gpointer read_some(gpointer limit)
{
	for (guint i = 0; i < 5; i++) {
		gint64 bytes;

		vk_rate_limit_wait(limit, MIB);
		bytes = __atomic_add_fetch(&given, MIB, __ATOMIC_SEQ_CST);
		if (rate > 0)
			ck_assert_int_le(bytes, (g_get_monotonic_time() - began + 1) * rate /
							G_USEC_PER_SEC);
	}
	return NULL;
}

static gint64 read_in_threads(guint64 bytes_per_sec)
{
	VkRateLimit limit;
	GThread *threads[4];

	began = g_get_monotonic_time();
	rate = (gint64)bytes_per_sec;
	given = 0;
	vk_rate_limit_init(&limit, bytes_per_sec);
	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("reader", read_some, &limit);
	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		g_thread_join(threads[i]);
	vk_rate_limit_clear(&limit);
	return g_get_monotonic_time() - began;
}

/* 20 MiB, and at no time more than was due until then. */
START_TEST(threads_share_it)
{
	ck_assert_int_ge(read_in_threads(40 * MIB), 20 * G_USEC_PER_SEC / 40);
}
END_TEST

START_TEST(none_is_no_wait)
{
	ck_assert_int_lt(read_in_threads(0), 10 * G_USEC_PER_SEC);
	vk_rate_limit_wait(NULL, MIB);
}
END_TEST

/* At this rate it would take 17 minutes. */
START_TEST(an_interruption_ends_the_wait)
{
	VkRateLimit limit;

	vk_rate_limit_init(&limit, 1024);
	vk_set_interrupted(TRUE);
	vk_rate_limit_wait(&limit, MIB);
	vk_set_interrupted(FALSE);
	vk_rate_limit_clear(&limit);
}
END_TEST

START_TEST(a_save_keeps_to_it)
{
	g_autofree char *directory = temp_directory_new();
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(16 * MIB);
	VkSaveStats stats = {0};
	VkRateLimit limit;
	gint64 start;

	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	vk_rate_limit_init(&limit, 40 * MIB);
	vk_session_set_limit(session, &limit);
	start = g_get_monotonic_time();
	vk_image_record_free(vk_session_save(session, &source->base, NULL, &stats, NULL, NULL));
	ck_assert_int_ge(g_get_monotonic_time() - start, 16 * G_USEC_PER_SEC / 40);
	ck_assert_uint_eq(stats.read, 16 * MIB);
	vk_rate_limit_clear(&limit);
	vk_source_free(&source->base);
	g_clear_pointer(&session, vk_session_free);
	g_clear_pointer(&vault, vk_vault_free);
	temp_directory_remove(directory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rate-limit");
	TCase *tcase = tcase_create("rate-limit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, threads_share_it);
	tcase_add_test(tcase, none_is_no_wait);
	tcase_add_test(tcase, an_interruption_ends_the_wait);
	tcase_add_test(tcase, a_save_keeps_to_it);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
