/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a hostile appliance may answer to questions about a node. */
#include "reply-check.h"

#include "errors.h"
#include "walk-check.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static VkMessage message;

static void set_up(void)
{
	message = (VkMessage){0};
}

static void tear_down(void)
{
	vk_message_clear(&message);
}

static VkBody body_of(void)
{
	vk_message_end(&message);
	ck_assert(!message.failed);
	return (VkBody){.at = message.bytes + VK_MESSAGE_HEAD,
			.left = message.length - VK_MESSAGE_HEAD};
}

static VkEntryReport report_of(const char *name, gsize length)
{
	return (VkEntryReport){.path = {(const guint8 *)name, length},
			       .mode = S_IFREG | 0644,
			       .links = 1,
			       .size = 5};
}

static void put_page_entry(const VkEntryReport *report)
{
	vk_message_put_u32(&message, 1);
	vk_message_put_u64(&message, 7);
	vk_message_put_entry(&message, report);
}

static void end_page(guint32 is_last)
{
	vk_message_put_u32(&message, 0);
	vk_message_put_u32(&message, is_last);
}

static VkPage *take_page(void)
{
	g_autoptr(GError) error = NULL;
	VkBody body = body_of();
	VkPage *page = vk_reply_page(&body, &error);

	ck_assert(page != NULL || g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	return page;
}

START_TEST(takes_a_page)
{
	const VkEntryReport file = report_of("file", 4), up = report_of("..", 2);
	VkEntryReport odd = report_of("odd", 3);
	g_autoptr(VkPage) page = NULL;
	const VkPageEntry *entry;

	odd.links = 0;
	vk_message_begin(&message, VK_MESSAGE_PAGE);
	put_page_entry(&file);
	put_page_entry(&up);
	put_page_entry(&odd);
	end_page(1);
	page = take_page();
	ck_assert_ptr_nonnull(page);
	ck_assert(page->is_last);
	ck_assert_uint_eq(page->entries->len, 3);
	entry = &g_array_index(page->entries, VkPageEntry, 0);
	ck_assert_str_eq(entry[0].entry.path, "file");
	ck_assert_uint_eq(entry[0].cursor, 7);
	ck_assert(entry[0].known);
	ck_assert_str_eq(entry[1].entry.path, "..");
	ck_assert(!entry[1].known);
	ck_assert(!entry[2].known);
}
END_TEST

START_TEST(refuses_names_that_lead_elsewhere)
{
	static const struct {
		const char *name;
		gsize length;
	} bad[] = {{"", 0}, {"/", 1}, {"a/b", 3}, {"../b", 4}, {"a\0b", 3}};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		const VkEntryReport report = report_of(bad[i].name, bad[i].length);

		vk_message_begin(&message, VK_MESSAGE_PAGE);
		put_page_entry(&report);
		end_page(1);
		ck_assert_ptr_null(take_page());
	}
}
END_TEST

START_TEST(refuses_pages_without_an_end)
{
	const VkEntryReport report = report_of("a", 1);

	vk_message_begin(&message, VK_MESSAGE_PAGE);
	end_page(0);
	ck_assert_ptr_null(take_page());
	vk_message_begin(&message, VK_MESSAGE_PAGE);
	put_page_entry(&report);
	ck_assert_ptr_null(take_page());
	vk_message_begin(&message, VK_MESSAGE_PAGE);
	for (guint i = 0; i <= VK_MESSAGE_PAGE_MAX; i++)
		put_page_entry(&report);
	end_page(1);
	ck_assert_ptr_null(take_page());
}
END_TEST

static gboolean take_data(guint64 at, const char *bytes, gsize *done)
{
	guint8 room[6] = "------";
	g_autoptr(GError) error = NULL;
	gboolean ok;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_DATA);
	vk_message_put_u64(&message, at);
	vk_message_put_text(&message, bytes);
	body = body_of();
	ok = vk_reply_data(&body, 100, room + 1, 4, done, &error);
	ck_assert(ok || g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_int_eq(room[0], '-');
	ck_assert_int_eq(room[5], '-');
	return ok;
}

START_TEST(takes_bytes_within_the_question_only)
{
	gsize done = 0;

	ck_assert(!take_data(99, "a", &done));
	ck_assert(!take_data(100, "abcde", &done));
	ck_assert(!take_data(104, "a", &done));
	ck_assert(!take_data(G_MAXUINT64, "a", &done));
	ck_assert(!take_data(101, "", &done));
	ck_assert(take_data(101, "a", &done));
	ck_assert_uint_eq(done, 2);
	ck_assert(!take_data(101, "a", &done));
	ck_assert(take_data(102, "bc", &done));
	ck_assert_uint_eq(done, 4);
}
END_TEST

static gboolean take_place(guint64 place, gboolean *ret_found)
{
	guint64 result;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_PLACE);
	vk_message_put_u64(&message, place);
	body = body_of();
	return vk_reply_place(&body, 10, ret_found, &result, NULL);
}

START_TEST(takes_places_behind_the_question_only)
{
	gboolean found;

	ck_assert(!take_place(9, &found));
	ck_assert(!take_place((guint64)G_MAXINT64 + 1, &found));
	ck_assert(take_place(10, &found));
	ck_assert(found);
	ck_assert(take_place(VK_MESSAGE_NOWHERE, &found));
	ck_assert(!found);
}
END_TEST

static gboolean take_attribute(const char *name, gsize length, GHashTable *attributes)
{
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_ATTRIBUTE);
	vk_message_put_bytes(&message, name, length);
	vk_message_put_text(&message, "value");
	body = body_of();
	return vk_reply_attribute(&body, attributes, NULL);
}

START_TEST(takes_an_attribute_once)
{
	g_autoptr(GHashTable) attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
								 (GDestroyNotify)g_bytes_unref);
	g_autofree char *name = g_strnfill(256, 'u');

	ck_assert(take_attribute("user.a", 6, attributes));
	ck_assert(!take_attribute("user.a", 6, attributes));
	ck_assert(!take_attribute("", 0, attributes));
	ck_assert(!take_attribute("user\0a", 6, attributes));
	ck_assert(!take_attribute(name, 256, attributes));
	ck_assert_uint_eq(g_hash_table_size(attributes), 1);
}
END_TEST

START_TEST(takes_an_entry_of_a_known_type_only)
{
	VkEntryReport report = report_of("", 0);
	VkEntry entry;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&message, &report);
	body = body_of();
	ck_assert(vk_reply_entry(&body, &entry, NULL));
	vk_entry_clear(&entry);
	report.mode = 0644;
	vk_message_begin(&message, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&message, &report);
	body = body_of();
	ck_assert(!vk_reply_entry(&body, &entry, NULL));
	vk_entry_clear(&entry);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reply-check");
	TCase *tcase = tcase_create("reply-check");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, takes_a_page);
	tcase_add_test(tcase, refuses_names_that_lead_elsewhere);
	tcase_add_test(tcase, refuses_pages_without_an_end);
	tcase_add_test(tcase, takes_bytes_within_the_question_only);
	tcase_add_test(tcase, takes_places_behind_the_question_only);
	tcase_add_test(tcase, takes_an_attribute_once);
	tcase_add_test(tcase, takes_an_entry_of_a_known_type_only);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
