/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages between the program and the agent: they come back as they went, or not at all. */
#include "message.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static VkMessage message;

static void set_up(void)
{
	message = (VkMessage){0};
}

static void tear_down(void)
{
	vk_message_clear(&message);
}

static VkBody body_of(VkMessageType *ret_type)
{
	size_t length;

	vk_message_end(&message);
	ck_assert(!message.failed);
	ck_assert(vk_message_parse_head(message.bytes, &length, ret_type));
	ck_assert_uint_eq(length, message.length - VK_MESSAGE_HEAD);
	return (VkBody){.at = message.bytes + VK_MESSAGE_HEAD, .left = length};
}

START_TEST(values_come_back)
{
	VkMessageType type;
	VkBytes bytes;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_HELLO);
	vk_message_put_u32(&message, 0xfedcba98);
	vk_message_put_bytes(&message, "a\0b", 3);
	vk_message_put_u64(&message, UINT64_MAX - 1);
	body = body_of(&type);
	ck_assert_int_eq(type, VK_MESSAGE_HELLO);
	ck_assert_uint_eq(vk_body_u32(&body), 0xfedcba98);
	bytes = vk_body_bytes(&body);
	ck_assert_uint_eq(bytes.length, 3);
	ck_assert(memcmp(bytes.at, "a\0b", 3) == 0);
	ck_assert(!vk_body_ended(&body));
	ck_assert(vk_body_u64(&body) == UINT64_MAX - 1);
	ck_assert(vk_body_ended(&body));
}
END_TEST

START_TEST(entries_come_back)
{
	const VkEntryReport entry = {
		.path = {(const uint8_t *)"etc/x", 5},
		.target = {(const uint8_t *)"y", 1},
		.mode = 0120777,
		.uid = 1,
		.gid = 2,
		.rdev_major = 3,
		.rdev_minor = 4,
		.links = 5,
		.device = 6,
		.inode = 7,
		.size = 8,
		.blocks = 9,
		.mtime_sec = -10,
		.mtime_nsec = 11,
	};
	VkMessage again = {0};
	VkEntryReport got;
	VkMessageType type;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&message, &entry);
	body = body_of(&type);
	got = vk_body_entry(&body);
	ck_assert(vk_body_ended(&body));
	vk_message_begin(&again, VK_MESSAGE_ENTRY);
	vk_message_put_entry(&again, &got);
	vk_message_end(&again);
	ck_assert_uint_eq(again.length, message.length);
	ck_assert(memcmp(again.bytes, message.bytes, again.length) == 0);
	ck_assert(got.path.length == 5 && memcmp(got.path.at, "etc/x", 5) == 0);
	ck_assert_int_eq(got.mtime_sec, -10);
	ck_assert_uint_eq(got.rdev_minor, 4);
	vk_message_clear(&again);
}
END_TEST

START_TEST(a_volume_comes_back)
{
	const VkVolumeReport volume = {
		.name = {(const uint8_t *)"md/data", 7},
		.note = {(const uint8_t *)"hibernated", 10},
		.points = {(const uint8_t *)"/md", 3},
		.size = UINT64_C(1) << 40,
		.incomplete = 1,
	};
	VkMessageType type;
	VkVolumeReport got;
	VkBody body;

	vk_message_begin(&message, VK_MESSAGE_VOLUME);
	vk_message_put_volume(&message, &volume);
	body = body_of(&type);
	got = vk_body_volume(&body);
	ck_assert(vk_body_ended(&body));
	ck_assert(got.note.length == 10 && memcmp(got.note.at, "hibernated", 10) == 0);
	ck_assert(got.points.length == 3 && memcmp(got.points.at, "/md", 3) == 0);
	ck_assert_uint_eq(got.state.length, 0);
	ck_assert_uint_eq(got.size, volume.size);
	ck_assert_uint_eq(got.incomplete, 1);
}
END_TEST

/* Every length of a body that is too short is noticed, and nothing behind it is read. */
START_TEST(short_bodies_are_bad)
{
	const VkVolumeReport volume = {.name = {(const uint8_t *)"vda1", 4}, .size = 1};
	VkMessageType type;
	VkBody body;
	size_t length;

	vk_message_begin(&message, VK_MESSAGE_VOLUME);
	vk_message_put_volume(&message, &volume);
	length = body_of(&type).left;
	for (size_t left = 0; left < length; left++) {
		uint8_t *copy = malloc(left + 1);

		memcpy(copy, message.bytes + VK_MESSAGE_HEAD, left);
		copy = realloc(copy, left ? left : 1);
		body = (VkBody){.at = copy, .left = left};
		vk_body_volume(&body);
		ck_assert(body.bad);
		ck_assert(!vk_body_ended(&body));
		free(copy);
	}
}
END_TEST

START_TEST(a_length_beyond_the_body_is_bad)
{
	static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 'x'};
	VkBody body = {.at = bytes, .left = sizeof(bytes)};

	ck_assert_uint_eq(vk_body_bytes(&body).length, 0);
	ck_assert(body.bad);
}
END_TEST

START_TEST(a_head_with_too_long_a_body_is_refused)
{
	const uint8_t head[VK_MESSAGE_HEAD] = {1, 0, 0x10, 0, VK_MESSAGE_DATA};
	VkMessageType type;
	size_t length;

	ck_assert(!vk_message_parse_head(head, &length, &type));
}
END_TEST

START_TEST(too_long_a_message_fails)
{
	uint8_t *bytes = calloc(1, VK_MESSAGE_MAX);

	vk_message_begin(&message, VK_MESSAGE_DATA);
	vk_message_put_bytes(&message, bytes, VK_MESSAGE_MAX);
	ck_assert(message.failed);
	vk_message_begin(&message, VK_MESSAGE_DATA);
	vk_message_put_bytes(&message, bytes, VK_MESSAGE_MAX - 4);
	ck_assert(!message.failed);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *cases = tcase_create("message");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, values_come_back);
	tcase_add_test(cases, entries_come_back);
	tcase_add_test(cases, a_volume_comes_back);
	tcase_add_test(cases, short_bodies_are_bad);
	tcase_add_test(cases, a_length_beyond_the_body_is_bad);
	tcase_add_test(cases, a_head_with_too_long_a_body_is_refused);
	tcase_add_test(cases, too_long_a_message_fails);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
