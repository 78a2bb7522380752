/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packs with parity in a storage that gives errors: a sector that cannot be read is damage, what
 * may pass is no answer, and nobody asks without end.
 */
#include "mending-bed.h"

#include "errors.h"
#include "interrupt.h"

#include <string.h>

static const VkStoreOps *plain;
static guint64 unreadable; /* the sector there gives an error of the disk */

static gboolean failing_get(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	if (offset < unreadable + SHARD && offset + n > unreadable)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
	return plain->get(of, name, offset, buf, n, error);
}

START_TEST(a_sector_that_cannot_be_read_is_damage)
{
	VkStoreOps failing = *bed.store->ops;

	plain = bed.store->ops;
	failing.get = failing_get;
	for (guint shard = 0; shard < bed.length / SHARD; shard++) {
		unreadable = (guint64)shard * SHARD;
		ck_assert_msg(count_readable_with(&failing) == N_BLOCKS, "sector %u", shard);
	}
}
END_TEST

static gint gets_until_outage; /* that still work; G_MAXINT: there is no outage */

static gboolean get_until_outage(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
				 GError **error)
{
	if (gets_until_outage == 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
	gets_until_outage -= gets_until_outage < G_MAXINT;
	return plain->get(of, name, offset, buf, n, error);
}

/* The table stays in the cache meanwhile. The outage begins after any read. */
START_TEST(an_outage_is_no_answer)
{
	VkStoreOps failing = *bed.store->ops;
	guint last = (guint)(bed.length / SHARD) + 2;

	plain = bed.store->ops;
	failing.get = get_until_outage;
	bed.store->ops = &failing;
	for (guint after = 0; after < last; after++) {
		VkPackCache *cache = vk_pack_cache_new(bed.store, &bed.context);

		overwrite_bytes();
		gets_until_outage = G_MAXINT;
		ck_assert(read_second(cache));
		damage(4);
		overwrite_bytes();
		gets_until_outage = (gint)after;
		read_second(cache);
		gets_until_outage = G_MAXINT;
		ck_assert_msg(read_second(cache), "an outage after %u reads", after);
		vk_pack_cache_free(cache);
		restore();
	}
	bed.store->ops = plain;
	ck_assert_uint_eq(bed.warnings, 1);
	ck_assert_ptr_nonnull(strstr(bed.warning, "in 1 of its "));
}
END_TEST

static guint gets, heads; /* that failed */

static gboolean get_nothing(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	gets++;
	return vk_fail(error, VK_ERROR_FAILED, "cannot read '%s': it is a test", name);
}

static gboolean head_and_count(VkStore *of, const char *name, guint64 *ret_size, gint64 *ret_stored,
			       GError **error)
{
	heads++;
	return plain->head(of, name, ret_size, ret_stored, error);
}

/* It answers each time late: many requests for each block would be hours. */
START_TEST(a_store_that_fails_is_asked_a_few_times)
{
	VkStoreOps failing = *bed.store->ops;
	VkPackCache *cache = vk_pack_cache_new(bed.store, &bed.context);

	plain = bed.store->ops;
	ck_assert(read_second(cache));
	failing.get = get_nothing;
	failing.head = head_and_count;
	bed.store->ops = &failing;
	gets = heads = 0;
	for (guint i = 0; i < 10; i++)
		ck_assert(!read_second(cache));
	ck_assert_uint_eq(heads, 1);
	ck_assert_uint_le(gets, 10 + VK_PARITY_SHARDS + 1);
	bed.store->ops = plain;
	ck_assert(read_second(cache));
	vk_pack_cache_free(cache);
}
END_TEST

/* All from the parity on gives errors of the disk, but for the first copy of the end. */
static gboolean get_no_tail(VkStore *of, const char *name, guint64 offset, void *buf, gsize n,
			    GError **error)
{
	if (offset + n > bed.layout.covered + sizeof(VkParityEnd))
		return get_nothing(of, name, offset, buf, n, error);
	return plain->get(of, name, offset, buf, n, error);
}

START_TEST(a_tail_that_cannot_be_read_hides_no_end)
{
	VkStoreOps failing = *bed.store->ops;
	g_autofree VkParityEnd *end = g_new(VkParityEnd, 1);
	VkParityLayout found;
	gboolean whole;

	plain = bed.store->ops;
	failing.get = get_no_tail;
	bed.store->ops = &failing;
	ck_assert(vk_parity_end_find(bed.store, &bed.context, &bed.pack, bed.object, end, &found,
				     &whole, NULL));
	ck_assert(!whole);
	ck_assert_uint_eq(found.covered, bed.layout.covered);
	bed.store->ops = plain;
}
END_TEST

START_TEST(an_interruption_is_no_answer)
{
	VkPackCache *cache = vk_pack_cache_new(bed.store, &bed.context);

	ck_assert(read_second(cache));
	damage(4);
	overwrite_bytes();
	vk_set_interrupted(TRUE);
	ck_assert(!read_second(cache));
	vk_set_interrupted(FALSE);
	ck_assert(read_second(cache));
	vk_pack_cache_free(cache);
}
END_TEST

/* Nothing of the pack is known yet: the table is asked for each time. */
START_TEST(a_table_that_fails_is_mended_once)
{
	VkStoreOps failing = *bed.store->ops;
	VkPackCache *cache = vk_pack_cache_new(bed.store, &bed.context);

	plain = bed.store->ops;
	failing.get = get_nothing;
	failing.get_tail = NULL;
	failing.head = head_and_count;
	bed.store->ops = &failing;
	gets = heads = 0;
	for (guint i = 0; i < 10; i++)
		ck_assert(!read_second(cache));
	ck_assert_uint_eq(heads, 1);
	ck_assert_uint_le(gets, 10 + VK_PARITY_SHARDS + 1);
	bed.store->ops = plain;
	ck_assert(read_second(cache));
	vk_pack_cache_free(cache);
}
END_TEST

/* What cannot be read now may be sound. */
START_TEST(an_outage_is_no_damage)
{
	VkStoreOps failing = *bed.store->ops;

	plain = bed.store->ops;
	failing.get = get_until_outage;
	bed.store->ops = &failing;
	for (gint after = 0; after < (gint)(bed.length / SHARD) - 4; after++) {
		g_autoptr(GError) error = NULL;

		gets_until_outage = after;
		ck_assert(
			!vk_mending_check(bed.store, &bed.context, &bed.pack, bed.object, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	}
	bed.store->ops = plain;
	ck_assert_uint_eq(bed.warnings, 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_sector_that_cannot_be_read_is_damage);
	tcase_add_test(tcase, an_outage_is_no_answer);
	tcase_add_test(tcase, a_store_that_fails_is_asked_a_few_times);
	tcase_add_test(tcase, a_table_that_fails_is_mended_once);
	tcase_add_test(tcase, a_tail_that_cannot_be_read_hides_no_end);
	tcase_add_test(tcase, an_interruption_is_no_answer);
	tcase_add_test(tcase, an_outage_is_no_damage);
}

int main(void)
{
	return run_mending_tests("mending-trouble", add_tests);
}
