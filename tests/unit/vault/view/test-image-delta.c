/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between two images, by their maps. */
#include "image-bed.h"
#include "image-delta.h"
#include "session-priv.h"
#include "temp-vault.h"

#include <string.h>

#define BLOCK ((guint64)VK_BLOCK_SIZE)

/* Measures what AFTER has in place of BEFORE; each character is a block, '.' a hole. */
static VkImageDelta change_of(const char *before, const char *after)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *old = before ? mem_source_of_blocks(before) : NULL;
	MemSource *new = mem_source_of_blocks(after);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) first =
		old ? commit(session, save(session, old, NULL, &stats)) : NULL;
	g_autoptr(VkSnapshot) second =
		commit(session, save(session, new, first ? image_of(first) : NULL, &stats));
	VkImageDelta change;

	ck_assert(vk_image_delta_measure(vault, first ? image_of(first) : NULL, image_of(second),
					 &change, NULL));
	if (old)
		vk_source_free(&old->base);
	vk_source_free(&new->base);
	return change;
}

static void check_region(const VkImageDelta *change, guint i, guint64 first, guint64 length,
			 guint64 changed)
{
	ck_assert_uint_gt(change->n_regions, i);
	ck_assert_uint_eq(change->regions[i].offset, first * BLOCK);
	ck_assert_uint_eq(change->regions[i].length, length * BLOCK);
	ck_assert_uint_eq(change->regions[i].changed, changed * BLOCK);
}

START_TEST(written_and_cleared_are_told_apart)
{
	VkImageDelta change = change_of("abcdef..", "ab.Xef.g");

	ck_assert_uint_eq(change.written, 2 * BLOCK);
	ck_assert_uint_eq(change.cleared, 1 * BLOCK);
	/* They lie so close together that they are one region. */
	ck_assert_uint_eq(change.n_regions, 1);
	check_region(&change, 0, 2, 6, 3);
}
END_TEST

START_TEST(nothing_changed)
{
	VkImageDelta change = change_of("abc..def", "abc..def");

	ck_assert_uint_eq(change.written, 0);
	ck_assert_uint_eq(change.cleared, 0);
	ck_assert_uint_eq(change.n_regions, 0);
}
END_TEST

START_TEST(of_nothing_all_data_is_new)
{
	VkImageDelta change = change_of(NULL, "ab..cd");

	ck_assert_uint_eq(change.written, 4 * BLOCK);
	ck_assert_uint_eq(change.cleared, 0);
}
END_TEST

START_TEST(sizes_may_differ)
{
	VkImageDelta grown = change_of("abc", "abcdef");
	VkImageDelta shrunk = change_of("ghijkl", "ghX");

	ck_assert_uint_eq(grown.written, 3 * BLOCK);
	check_region(&grown, 0, 3, 3, 3);
	ck_assert_uint_eq(shrunk.written, 1 * BLOCK);
	ck_assert_uint_eq(shrunk.cleared, 0);
}
END_TEST

/* Seven regions of 1, 2, ... 7 blocks, 50 blocks apart: the five largest are known. */
START_TEST(largest_regions_come_first)
{
	char before[351], after[351];
	VkImageDelta change;

	for (guint i = 0; i < 350; i++)
		before[i] = after[i] = (char)('A' + i % 26);
	before[350] = after[350] = '\0';
	for (guint i = 0; i < 7; i++)
		memset(after + 50 * i, 'z', i + 1);
	change = change_of(before, after);
	ck_assert_uint_eq(change.written, 28 * BLOCK);
	ck_assert_uint_eq(change.n_regions, VK_CHANGED_REGIONS_MAX);
	for (guint i = 0; i < VK_CHANGED_REGIONS_MAX; i++)
		check_region(&change, i, 50 * (6 - i), 7 - i, 7 - i);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, written_and_cleared_are_told_apart);
	tcase_add_test(tcase, nothing_changed);
	tcase_add_test(tcase, of_nothing_all_data_is_new);
	tcase_add_test(tcase, sizes_may_differ);
	tcase_add_test(tcase, largest_regions_come_first);
}

int main(void)
{
	return run_image_tests("image-delta", add_tests);
}
