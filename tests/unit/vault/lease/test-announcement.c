/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What collectors announce, and what writers make of it. */
#include "announcement.h"

#include "checked-json.h"
#include "layout.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ONE   "11111111111111111111111111111111"
#define OTHER "22222222222222222222222222222222"

static char *directory;
static VkStore *store;
static VkPackId first, second, third;

static void setup(void)
{
	directory = temp_directory_new();
	store = vk_store_dir_new(directory, vk_vault_folders, NULL);
	ck_assert_ptr_nonnull(store);
	first = vk_pack_id_random();
	second = vk_pack_id_random();
	third = vk_pack_id_random();
}

static void teardown(void)
{
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
}

static void stay(VkSlots *slots, guint32 slot)
{
	slots->bits[slot / 8] |= (guint8)(1u << (slot % 8));
}

static void put(const char *collector, const VkPackId *pack, const VkSlots *slots)
{
	g_autoptr(VkAnnouncement) announcement = vk_announcement_new();

	vk_announcement_add(announcement, pack, slots);
	ck_assert(vk_announcement_put(store, collector, announcement, NULL));
}

static VkAnnouncement *load(void)
{
	VkAnnouncement *announcement = vk_announcements_load(store, NULL);

	ck_assert_ptr_nonnull(announcement);
	return announcement;
}

START_TEST(nothing_announced_condemns_nothing)
{
	g_autoptr(VkAnnouncement) announcement = load();

	ck_assert(!vk_announcement_has(announcement, &first, 0));
}
END_TEST

START_TEST(what_is_put_is_loaded)
{
	g_autoptr(VkAnnouncement) announcement = vk_announcement_new();
	g_autoptr(VkAnnouncement) loaded = NULL;
	g_autoptr(VkAnnouncement) none = NULL;
	VkSlots slots = {0};

	stay(&slots, 0);
	stay(&slots, 9);
	stay(&slots, VK_SLOTS_MAX - 1);
	vk_announcement_add(announcement, &first, NULL);
	vk_announcement_add(announcement, &second, &slots);
	ck_assert(vk_announcement_put(store, ONE, announcement, NULL));
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &first, 0));
	ck_assert(vk_announcement_has(loaded, &first, VK_SLOTS_MAX - 1));
	for (guint32 i = 0; i < VK_SLOTS_MAX; i++)
		ck_assert_int_eq(vk_announcement_has(loaded, &second, i),
				 i != 0 && i != 9 && i != VK_SLOTS_MAX - 1);
	ck_assert(!vk_announcement_has(loaded, &third, 0));
	ck_assert(vk_announcement_delete(store, ONE, NULL));
	ck_assert(vk_announcement_delete(store, ONE, NULL));
	none = load();
	ck_assert(!vk_announcement_has(none, &first, 0));
}
END_TEST

START_TEST(a_pack_of_which_nothing_stays_may_have_bits)
{
	g_autoptr(VkAnnouncement) loaded = NULL;
	VkSlots slots = {0};

	put(ONE, &first, &slots);
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &first, 0));
}
END_TEST

START_TEST(what_anybody_condemns_is_condemned)
{
	g_autoptr(VkAnnouncement) loaded = NULL;
	VkSlots left = {0}, right = {0};

	stay(&left, 1);
	stay(&left, 2);
	stay(&right, 2);
	stay(&right, 3);
	put(ONE, &first, &left);
	put(OTHER, &first, &right);
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &first, 1));
	ck_assert(!vk_announcement_has(loaded, &first, 2));
	ck_assert(vk_announcement_has(loaded, &first, 3));
}
END_TEST

START_TEST(a_whole_pack_outweighs_its_slots)
{
	const char *const names[] = {ONE, OTHER};
	g_autoptr(VkAnnouncement) loaded = NULL;
	VkSlots slots = {0};

	stay(&slots, 1);
	put(names[_i], &first, &slots);
	put(names[!_i], &first, NULL);
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &first, 1));
}
END_TEST

static const char *const wrong[] = {
	"[]",
	"{\"" ONE "\": 1}",
	"{\"short\": null}",
	"{\"" ONE "\": {}}",
};

START_TEST(what_cannot_be_read_condemns_everything)
{
	g_autoptr(json_t) packs = json_loads(wrong[_i], 0, NULL);
	g_autoptr(json_t) object = json_pack("{s:s, s:O}", "collector", ONE, "packs", packs);
	g_autoptr(VkAnnouncement) loaded = NULL;

	ck_assert(vk_checked_json_put(store, "gc/" ONE, object, VK_PUT_NOW, NULL));
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &third, 7));
}
END_TEST

START_TEST(what_is_cut_short_condemns_everything)
{
	g_autoptr(VkAnnouncement) loaded = NULL;

	ck_assert(vk_store_put(store, "gc/" ONE, NULL, 0, VK_PUT_NOW, NULL));
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &third, 7));
}
END_TEST

START_TEST(too_many_slots_condemn_everything)
{
	g_autofree guchar *bits = g_malloc0(sizeof(VkSlots) + 1);
	g_autofree char *text = g_base64_encode(bits, sizeof(VkSlots) + 1);
	g_autoptr(json_t) object =
		json_pack("{s:s, s:{s:s}}", "collector", ONE, "packs", OTHER, text);
	g_autoptr(VkAnnouncement) loaded = NULL;

	ck_assert(vk_checked_json_put(store, "gc/" ONE, object, VK_PUT_NOW, NULL));
	loaded = load();
	ck_assert(vk_announcement_has(loaded, &third, 7));
}
END_TEST

START_TEST(other_names_announce_nothing)
{
	g_autoptr(VkAnnouncement) loaded = NULL;

	ck_assert(vk_store_put(store, "gc/README", NULL, 0, VK_PUT_NOW, NULL));
	loaded = load();
	ck_assert(!vk_announcement_has(loaded, &third, 7));
}
END_TEST

static Suite *announcement_suite(void)
{
	Suite *suite = suite_create("announcement");
	TCase *cases = tcase_create("announcement");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, nothing_announced_condemns_nothing);
	tcase_add_test(cases, what_is_put_is_loaded);
	tcase_add_test(cases, a_pack_of_which_nothing_stays_may_have_bits);
	tcase_add_test(cases, what_anybody_condemns_is_condemned);
	tcase_add_loop_test(cases, a_whole_pack_outweighs_its_slots, 0, 2);
	tcase_add_loop_test(cases, what_cannot_be_read_condemns_everything, 0, G_N_ELEMENTS(wrong));
	tcase_add_test(cases, what_is_cut_short_condemns_everything);
	tcase_add_test(cases, too_many_slots_condemn_everything);
	tcase_add_test(cases, other_names_announce_nothing);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(announcement_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
