/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent says about a key that opens a volume, does not, or takes more memory than there
 * is. The program that tries keys ends as the test has it.
 */
#include "crypt.h"

#include "action.h"
#include "channel.h"
#include "disks.h"
#include "modules.h"

#include <check.h>
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of cryptsetup's exit status. */
#define WRONG_KEY 2
#define NO_MEMORY 3

static AgentVolume volumes[] = {
	{.name = "vda", .type = "crypto_LUKS", .uuid = "one"},
	{.name = "vdb", .type = "crypto_LUKS", .uuid = "two"},
};
static size_t count;
static int ends[G_N_ELEMENTS(volumes)]; /* how cryptsetup ends for each of them */
static char *failure;                   /* what was said; NULL: done */
static int code;

/* Whether the program is there. */
int access(const char *name, int type)
{
	return 0;
}

size_t agent_volume_count(void)
{
	return count;
}

AgentVolume *agent_volume(size_t index)
{
	return &volumes[index];
}

AgentVolume *agent_volume_named(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(volumes[i].name, name) == 0)
			return &volumes[i];
	return NULL;
}

void agent_volume_open(AgentVolume *volume, const char *device)
{
	strcpy(volume->type, "ext4");
}

void agent_disks_assemble(void)
{
}

bool agent_modules_load(const char *name)
{
	return true;
}

int agent_run(const char *const *argv, VkBytes input, AgentOutput *output)
{
	const char *name = argv[10];

	return ends[strcmp(name, "luks-one") == 0 ? 0 : 1];
}

void agent_send_done(void)
{
	failure = NULL;
}

void agent_send_failure(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	failure = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	code = error;
}

/* The key is for the volume NAME, "" for all, of which the first COUNT_NOW are there. */
static void unlock(size_t count_now, const char *name, int first_end, int second_end)
{
	count = count_now;
	ends[0] = first_end;
	ends[1] = second_end;
	agent_crypt_unlock(name, (VkBytes){.at = (const uint8_t *)"key", .length = 3});
}

static void expect_failure(int expected, const char *text)
{
	ck_assert_pstr_eq(failure, text);
	ck_assert_int_eq(code, expected);
}

START_TEST(a_key_that_fits)
{
	unlock(1, "vda", 0, 0);
	ck_assert_ptr_null(failure);
	ck_assert_str_eq(volumes[0].type, "ext4");
}
END_TEST

START_TEST(a_key_that_does_not)
{
	unlock(1, "vda", WRONG_KEY, 0);
	expect_failure(EACCES, "the key does not open 'vda'");
	unlock(2, "", WRONG_KEY, WRONG_KEY);
	expect_failure(EACCES, "the key opens none of the 2 locked volumes");
}
END_TEST

#define STARVED "'vda' cannot be opened: its key slot wants more memory than the appliance has"

START_TEST(a_key_slot_that_wants_too_much_memory)
{
	static const int without_memory[] = {NO_MEMORY, AGENT_STARVED};

	for (gsize i = 0; i < G_N_ELEMENTS(without_memory); i++) {
		unlock(1, "vda", without_memory[i], 0);
		expect_failure(ENOMEM, STARVED);
		unlock(1, "", without_memory[i], 0);
		expect_failure(ENOMEM, STARVED);
		unlock(2, "", without_memory[i], WRONG_KEY);
		expect_failure(ENOMEM, STARVED);
	}
}
END_TEST

START_TEST(others_open_without_it)
{
	unlock(2, "", NO_MEMORY, 0);
	ck_assert_ptr_null(failure);
	ck_assert_str_eq(volumes[1].type, "ext4");
	ck_assert_str_eq(volumes[0].state,
			 "locked: its key slot wants more memory than the appliance has");
	ck_assert(agent_crypt_is_locked(&volumes[0]));
}
END_TEST

START_TEST(a_crash_is_no_lack_of_memory)
{
	unlock(1, "vda", AGENT_CRASHED, 0);
	expect_failure(EIO, "'vda' cannot be opened: cryptsetup has crashed");
}
END_TEST

START_TEST(bitlocker_is_not_read)
{
	strcpy(volumes[0].type, "BitLocker");
	ck_assert(!agent_crypt_is_locked(&volumes[0]));
	ck_assert_str_eq(volumes[0].state, "encrypted by BitLocker, which is not read");
	unlock(1, "vda", 0, 0);
	expect_failure(EIO, "'vda': encrypted by BitLocker, which is not read");
	strcpy(volumes[0].type, "ext4");
	unlock(1, "vda", 0, 0);
	expect_failure(EINVAL, "'vda' is not locked: it needs no key");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crypt");
	TCase *cases = tcase_create("crypt");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, a_key_that_fits);
	tcase_add_test(cases, a_key_that_does_not);
	tcase_add_test(cases, a_key_slot_that_wants_too_much_memory);
	tcase_add_test(cases, others_open_without_it);
	tcase_add_test(cases, a_crash_is_no_lack_of_memory);
	tcase_add_test(cases, bitlocker_is_not_read);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
