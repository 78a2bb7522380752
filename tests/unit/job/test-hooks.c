/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"
#include "hooks.h"
#include "program.h"
#include "temp-vault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory, *log_path, *config_path;

static const VkHookFacts facts = {
	.guest = "web 1",
	.uuid = "11111111-2222-3333-4444-555555555555",
	.vault = "dir:/srv/vault",
	.pause_usec = 12345,
};

static void setup(void)
{
	directory = temp_directory_new();
	log_path = g_build_filename(directory, ".log", NULL);
	config_path = g_build_filename(directory, ".conf", NULL);
}

static void teardown(void)
{
	temp_directory_remove(directory);
	g_free(directory);
	g_free(log_path);
	g_free(config_path);
}

static void add_hook(const char *name, mode_t mode, const char *body)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *text = g_strdup_printf("#!/bin/sh\nlog='%s'\n%s\n", log_path, body);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void expect_log(const char *expected)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents(log_path, &text, NULL, NULL))
		text = g_strdup("");
	ck_assert_str_eq(text, expected);
}

/* COMMANDS are lines of [hooks]; a $log in them is the log. */
static gboolean run_with(const char *hooks_dir, guint timeout_sec, const char *commands,
			 VkHookPhase phase, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(VkSettings) settings = NULL;

	g_string_printf(text, "[backup]\nhooks_dir=%s\nhook_timeout=%u\n[hooks]\n%s", hooks_dir,
			timeout_sec, commands);
	g_string_replace(text, "$log", log_path, 0);
	ck_assert(g_file_set_contents(config_path, text->str, -1, NULL));
	settings = vk_settings_load(config_path, NULL);
	ck_assert_ptr_nonnull(settings);
	return vk_hooks_run(settings, phase, &facts, error);
}

static gboolean run(VkHookPhase phase, GError **error)
{
	return run_with(directory, 5, "", phase, error);
}

START_TEST(run_in_order_with_facts)
{
	add_hook("20-b.sh", 0755, "echo b $1 >> $log");
	add_hook("10-a", 0755,
		 "echo \"$1 $VIRTKEEP_GUEST $VIRTKEEP_PAUSE_MS [$VIRTKEEP_ERROR] ${HOME-none}\" >> "
		 "$log");
	add_hook("30-off", 0644, "echo off >> $log");
	add_hook("10-a~", 0755, "echo editor >> $log");
	add_hook("10-a.dpkg-old", 0755, "echo package >> $log");
	ck_assert(run(VK_HOOK_POST_THAW, NULL));
	expect_log("post-thaw web 1 12 [] none\nb post-thaw\n");
}
END_TEST

/* Why a guest failed may be its own words; hooks put them into mail and logs. */
START_TEST(error_is_told_printable)
{
	g_autoptr(VkSettings) settings = NULL;
	VkHookFacts failed = facts;

	failed.error = "guest 'x': \033]0;owned\007\nall is well";
	add_hook("1", 0755, "printf '%s\\n' \"$VIRTKEEP_ERROR\" >> $log");
	g_autofree char *text = g_strdup_printf("[backup]\nhooks_dir=%s\n", directory);
	settings = vk_settings_parse(text, strlen(text), config_path, NULL);
	ck_assert_ptr_nonnull(settings);
	ck_assert(vk_hooks_run(settings, VK_HOOK_FAILURE, &failed, NULL));
	expect_log("guest 'x': \\x1b]0;owned\\x07\\nall is well\n");
}
END_TEST

START_TEST(runs_are_told_what_became_of_them)
{
	static const char command[] = "PRE_EXIT_CMD01=echo command $VIRTKEEP_ERROR >> $log\n";
	VkHookFacts run_facts = {
		.vault = "dir:/v",
		.error = "no vault",
		.status = 6,
		.seconds = 75,
		.saved = 2,
		.failed = "a b\nc",
	};
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(VkSettings) settings = NULL;

	add_hook("1", 0755,
		 "echo \"$1 ${VIRTKEEP_GUEST}$VIRTKEEP_VAULT [$VIRTKEEP_STATUS] $VIRTKEEP_SECONDS "
		 "$VIRTKEEP_SAVED $VIRTKEEP_FAILED [$VIRTKEEP_ERROR]\" | tr '\\n' ,  >> $log");
	g_string_printf(text, "[backup]\nhooks_dir=%s\n[hooks]\n%s", directory, command);
	g_string_replace(text, "$log", log_path, 0);
	settings = vk_settings_parse(text->str, text->len, config_path, NULL);
	ck_assert(g_file_set_contents(config_path, "", -1, NULL));
	ck_assert(vk_hooks_run(settings, VK_HOOK_RUN_FAILURE, &run_facts, NULL));
	ck_assert(vk_hooks_run(settings, VK_HOOK_RUN_END, &run_facts, NULL));
	/* Guests had their own. */
	run_facts.hooks_ran = TRUE;
	ck_assert(vk_hooks_run(settings, VK_HOOK_RUN_FAILURE, &run_facts, NULL));
	run_facts.error = NULL;
	ck_assert(vk_hooks_run(settings, VK_HOOK_RUN_START, &run_facts, NULL));
	expect_log("command no vault\n"
		   "run-failure dir:/v [6] 75 2 a b,c [no vault],"
		   "run-end dir:/v [6] 75 2 a b,c [no vault],"
		   "run-failure dir:/v [6] 75 2 a b,c [no vault],"
		   "run-start dir:/v []    [],");
}
END_TEST

START_TEST(first_failure_ends_and_is_named)
{
	g_autoptr(GError) error = NULL;

	add_hook("1", 0755, "echo no database >&2; exit 3");
	add_hook("2", 0755, "echo second >> $log");
	ck_assert(!run(VK_HOOK_PRE_FREEZE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "/1' failed at 'pre-freeze'"));
	ck_assert_ptr_nonnull(strstr(error->message, "no database"));
	expect_log("");
}
END_TEST

/* With what it has started: else its outputs would stay open. */
START_TEST(slow_hook_is_ended)
{
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	add_hook("1", 0755, "sleep 300 & sleep 300");
	ck_assert(!run_with(directory, 1, "", VK_HOOK_FAILURE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "did not end 'failure' within 1 s"));
	ck_assert_int_lt(g_get_monotonic_time() - start, 10 * G_TIME_SPAN_SECOND);
}
END_TEST

/* What it leaves running, even in a session of its own, is not waited for. */
START_TEST(daemons_of_hooks_are_not_waited_for)
{
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	add_hook("1", 0755, "setsid sleep 15 & echo started >> $log");
	ck_assert(run(VK_HOOK_PRE_FREEZE, NULL));
	expect_log("started\n");
	add_hook("2", 0755, "setsid sleep 15 & sleep 300");
	ck_assert(!run_with(directory, 1, "", VK_HOOK_PRE_FREEZE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "/2' did not end"));
	ck_assert_int_lt(g_get_monotonic_time() - start, 10 * G_TIME_SPAN_SECOND);
}
END_TEST

START_TEST(much_output_is_cut)
{
	g_autoptr(GError) error = NULL;

	add_hook("1", 0755, "head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1");
	ck_assert(!run(VK_HOOK_PRE_FREEZE, &error));
	ck_assert_uint_lt(strlen(error->message), 5000);
}
END_TEST

START_TEST(no_directory_is_no_hooks)
{
	ck_assert(run_with("/nonexistent/hooks", 1, "", VK_HOOK_FAILURE, NULL));
}
END_TEST

START_TEST(foreign_hooks_are_refused)
{
	g_autoptr(GError) error = NULL;

	add_hook("1", 0777, "echo ran >> $log");
	if (getuid() == 0) {
		ck_assert(!run(VK_HOOK_PRE_FREEZE, &error));
		ck_assert_ptr_nonnull(strstr(error->message, "chmod go-w"));
		expect_log("");
		g_clear_error(&error);
		add_hook("1", 0755, "echo ran >> $log");
		ck_assert_int_eq(chmod(directory, 0777), 0);
		ck_assert(!run(VK_HOOK_PRE_FREEZE, &error));
		ck_assert_ptr_nonnull(strstr(error->message, directory));
		expect_log("");
	} else {
		ck_assert(run(VK_HOOK_PRE_FREEZE, NULL));
	}
}
END_TEST

/* Who may write to any directory on the way decides what lies at its end. */
START_TEST(hooks_below_foreign_directories_are_refused)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *parent = g_build_filename(directory, "parent", NULL);
	g_autofree char *below = g_build_filename(parent, "below", NULL);
	g_autofree char *link = g_build_filename(directory, "link", NULL);
	g_autofree char *hook = g_build_filename(below, "1", NULL);
	const char *ways[] = {below, link};

	ck_assert_int_eq(g_mkdir_with_parents(below, 0755), 0);
	ck_assert_int_eq(symlink("parent/below", link), 0);
	add_hook("1", 0755, "echo ran >> $log");
	g_autofree char *made = g_build_filename(directory, "1", NULL);
	ck_assert_int_eq(rename(made, hook), 0);
	ck_assert_int_eq(chmod(parent, 0777), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(ways) && getuid() == 0; i++) {
		ck_assert(!run_with(ways[i], 5, "", VK_HOOK_PRE_FREEZE, &error));
		ck_assert_ptr_nonnull(strstr(error->message, parent));
		ck_assert_ptr_nonnull(strstr(error->message, "chmod go-w"));
		g_clear_error(&error);
	}
	expect_log("");
	ck_assert_int_eq(chmod(parent, 0755), 0);
	for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
		ck_assert(run_with(ways[i], 5, "", VK_HOOK_PRE_FREEZE, NULL));
	expect_log("ran\nran\n");
}
END_TEST

static const char all_commands[] =
	"PRE_EXIT_CMD01=echo exit >> $log\n"
	"POST_NTAP_CMD01=echo done >> $log\n"
	"POST_NTAP_DATA_TRANSFER_CMD99=echo transferred >> $log\n"
	"POST_APP_UNQUIESCE_CMD01=echo unquiesced >> $log\n"
	"PRE_APP_UNQUIESCE_CMD01=echo unquiesce >> $log\n"
	"PRE_NTAP_CMD01=echo storage >> $log\n"
	"POST_APP_QUIESCE_CMD01=echo quiesced >> $log\n"
	"PRE_APP_QUIESCE_CMD10=echo \"$0 $1 $VIRTKEEP_GUEST ${HOME-none}\" | tr a-z A-Z >> $log\n"
	"PRE_APP_QUIESCE_CMD09=echo quiesce >> $log\n";

/* In Snap Creator's order, and before the directory's programs. */
START_TEST(commands_run_at_their_phases)
{
	static const struct {
		VkHookPhase phase;
		const char *log;
	} phases[] = {
		{VK_HOOK_PRE_FREEZE, "quiesce\nPRE_APP_QUIESCE_CMD10 PRE-FREEZE WEB 1 NONE\n"
				     "quiesced\nstorage\nprogram\n"},
		{VK_HOOK_POST_THAW, "unquiesce\nunquiesced\nprogram\n"},
		{VK_HOOK_POST_COMMIT, "transferred\ndone\nprogram\n"},
		{VK_HOOK_FAILURE, "exit\nprogram\n"},
	};

	add_hook("10-a", 0755, "echo program >> $log");
	for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
		unlink(log_path);
		ck_assert(run_with(directory, 5, all_commands, phases[i].phase, NULL));
		expect_log(phases[i].log);
	}
}
END_TEST

START_TEST(failed_command_ends_and_is_named)
{
	g_autoptr(GError) error = NULL;
	static const char commands[] = "PRE_NTAP_CMD01=echo no room >&2; exit 3\n"
				       "PRE_NTAP_CMD02=echo second >> $log\n";

	add_hook("1", 0755, "echo program >> $log");
	ck_assert(!run_with(directory, 5, commands, VK_HOOK_PRE_FREEZE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "'PRE_NTAP_CMD01' failed at 'pre-freeze'"));
	ck_assert_ptr_nonnull(strstr(error->message, "no room"));
	expect_log("");
}
END_TEST

START_TEST(slow_command_is_ended)
{
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	ck_assert(!run_with(directory, 1, "PRE_EXIT_CMD01=sleep 300 & sleep 300\n", VK_HOOK_FAILURE,
			    &error));
	ck_assert_ptr_nonnull(strstr(error->message, "'PRE_EXIT_CMD01' did not end 'failure'"));
	ck_assert_int_lt(g_get_monotonic_time() - start, 10 * G_TIME_SPAN_SECOND);
}
END_TEST

START_TEST(commands_that_others_could_write_are_refused)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSettings) settings = NULL;
	g_autofree char *text =
		g_strdup_printf("[backup]\nhooks_dir=%s\n[hooks]\nPRE_EXIT_CMD01=echo ran > '%s'\n",
				directory, log_path);

	ck_assert(g_file_set_contents(config_path, text, -1, NULL));
	ck_assert_int_eq(chmod(config_path, 0666), 0);
	settings = vk_settings_load(config_path, NULL);
	if (getuid() == 0) {
		ck_assert(!vk_hooks_run(settings, VK_HOOK_FAILURE, &facts, &error));
		ck_assert_ptr_nonnull(strstr(error->message, config_path));
		ck_assert_ptr_nonnull(strstr(error->message, "chmod go-w"));
		expect_log("");
	} else {
		ck_assert(vk_hooks_run(settings, VK_HOOK_FAILURE, &facts, NULL));
	}
}
END_TEST

/* Ours is higher, which those with select() cannot stand. */
START_TEST(hooks_have_the_file_limit_of_before)
{
	struct rlimit limit;
	VkProgram program = {.config_path = g_strdup(config_path)};

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 512;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(g_file_set_contents(config_path, "", -1, NULL));
	ck_assert(vk_program_start(&program, NULL));
	vk_program_clear(&program);
	add_hook("1", 0755, "ulimit -n >> $log");
	ck_assert(run(VK_HOOK_PRE_FREEZE, NULL));
	expect_log("512\n");
}
END_TEST

int main(void)
{
	TCase *cases = tcase_create("hooks");
	Suite *suite = suite_create("hooks");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, run_in_order_with_facts);
	tcase_add_test(cases, error_is_told_printable);
	tcase_add_test(cases, runs_are_told_what_became_of_them);
	tcase_add_test(cases, first_failure_ends_and_is_named);
	tcase_add_test(cases, slow_hook_is_ended);
	tcase_add_test(cases, daemons_of_hooks_are_not_waited_for);
	tcase_add_test(cases, much_output_is_cut);
	tcase_add_test(cases, no_directory_is_no_hooks);
	tcase_add_test(cases, foreign_hooks_are_refused);
	tcase_add_test(cases, hooks_below_foreign_directories_are_refused);
	tcase_add_test(cases, commands_run_at_their_phases);
	tcase_add_test(cases, failed_command_ends_and_is_named);
	tcase_add_test(cases, hooks_have_the_file_limit_of_before);
	tcase_add_test(cases, slow_command_is_ended);
	tcase_add_test(cases, commands_that_others_could_write_are_refused);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
