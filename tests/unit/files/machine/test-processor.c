/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to install on hosts with other processors. */
#include "processor.h"

#include <check.h>
#include <stdlib.h>

static void expect_advice(const char *name, const char *expected)
{
	g_autofree char *advice = vk_processor_advice(vk_processor_named(name));

	ck_assert_str_eq(advice, expected);
}

START_TEST(packages_are_those_of_the_processor)
{
	expect_advice("x86_64", "install the package 'user-mode-linux', or 'qemu-system-x86' and "
				"'linux-image-amd64'");
	expect_advice("aarch64", "install the packages 'qemu-system-arm' and 'linux-image-arm64'");
	expect_advice("s390x", "there is none for its processor");
}
END_TEST

START_TEST(what_is_known_can_be_started)
{
	static const char *const names[] = {"x86_64", "aarch64"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		const VkProcessor *processor = vk_processor_named(names[i]);

		ck_assert_ptr_nonnull(processor->programs[0]);
		ck_assert_ptr_null(processor->programs[G_N_ELEMENTS(processor->programs) - 1]);
		ck_assert_ptr_nonnull(processor->machine);
		ck_assert_ptr_nonnull(processor->console);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("processor");
	TCase *cases = tcase_create("processor");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, packages_are_those_of_the_processor);
	tcase_add_test(cases, what_is_known_can_be_started);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
