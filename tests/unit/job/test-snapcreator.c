/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errors.h"
#include "import.h"
#include "settings.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *read_sample(const char *name, gsize *ret_length)
{
	g_autofree char *path =
		g_build_filename(g_getenv("VK_TEST_DATA"), "snapcreator", name, NULL);
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	g_file_get_contents(path, &text, ret_length, &error);
	g_assert_no_error(error);
	return text;
}

static void add_sample(VkImport *import, const char *name)
{
	g_autoptr(GError) error = NULL;
	gsize length;
	g_autofree char *text = read_sample(name, &length);

	vk_import_add(import, name, text, length, &error);
	g_assert_no_error(error);
}

static VkImport *add_text(const char *text)
{
	g_autoptr(GError) error = NULL;
	VkImport *import = vk_import_new("kvm1");

	vk_import_add(import, "sc.conf", text, strlen(text), &error);
	g_assert_no_error(error);
	return import;
}

/* The configuration, which must be one. */
static char *finish(VkImport *import)
{
	char *text = vk_import_finish(import);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSettings) settings = vk_settings_parse(text, strlen(text), "imported", &error);

	g_assert_no_error(error);
	return text;
}

/* The last of that name. */
static const VkImportKey *find(const VkImport *import, const char *name)
{
	const GPtrArray *keys = vk_import_keys(import);

	for (guint i = keys->len; i > 0; i--) {
		const VkImportKey *key = g_ptr_array_index(keys, i - 1);

		if (strcmp(key->key, name) == 0)
			return key;
	}
	ck_abort_msg("no key '%s'", name);
}

static void expect(const VkImport *import, const char *name, VkImportVerdict verdict,
		   const char *as, const char *why)
{
	const VkImportKey *key = find(import, name);

	ck_assert_msg(key->verdict == verdict, "%s is %s", name,
		      vk_import_verdict_name(key->verdict));
	ck_assert_pstr_eq(key->as, as);
	ck_assert_msg(!why || (key->why && strstr(key->why, why)), "%s: %s", name, key->why);
}

START_TEST(profile_becomes_a_configuration)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autofree char *expected = read_sample("kvm.expected", NULL);
	g_autofree char *text = NULL;

	add_sample(import, "kvm.conf");
	text = finish(import);
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(vk_import_count_open(import), 0);
	expect(import, "KVM_VM_MAPPING", VK_IMPORT_TAKEN, "[host kvm1] KVM_VM_MAPPING", "discover");
	expect(import, "NTAP_USERS", VK_IMPORT_TAKEN, "[array svm1], [array svm2]",
	       "password_file");
	expect(import, "VOLUMES", VK_IMPORT_NOT_NEEDED, NULL, "disks");
	ck_assert_uint_eq(find(import, "KVM_VM_CONFIG_DIR")->line, 39);
}
END_TEST

START_TEST(values_survive)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autoptr(VkSettings) settings = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) guests = NULL;

	add_sample(import, "kvm.conf");
	text = finish(import);
	settings = vk_settings_parse(text, strlen(text), "imported", NULL);
	guests = vk_settings_get_words(settings, "restore", "KVM_RESTORE_VM_LIST");
	ck_assert_str_eq(vk_settings_get(settings, "hooks", "PRE_APP_QUIESCE_CMD01"),
			 "/usr/local/bin/prepare --mail \"a = b\" \\\\host");
	ck_assert_str_eq(vk_settings_get(settings, "array svm2", "user"), "DOM\\backup");
	ck_assert_uint_eq(g_strv_length(guests), 2);
	ck_assert_str_eq(guests[1], "db 1");
}
END_TEST

START_TEST(passwords_are_nowhere)
{
	static const char *const samples[] = {"kvm.conf", "leftovers.conf", "all-keys.conf"};

	for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
		g_autoptr(VkImport) import = vk_import_new("kvm1");
		g_autoptr(json_t) report = NULL;
		g_autofree char *text = NULL, *line = NULL;

		add_sample(import, samples[i]);
		text = finish(import);
		report = vk_import_to_json(import, text);
		line = vk_json_line(report);
		ck_assert_ptr_null(strstr(text, "S3cret"));
		ck_assert_msg(!strstr(line, "S3cret"), "%s", samples[i]);
	}
}
END_TEST

START_TEST(leftovers_are_told)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autofree char *text = NULL;
	static const struct {
		const char *key, *why;
	} left[] = {
		{"APP_NAME", "freeze hooks"},
		{"CMODE_SET", "9.11.1"},
		{"TRANSPORT", "ca_file"},
		{"NTAP_USERS", "CONTROLLER:USER/PASSWORD"},
		{"NTAP_SNAPSHOT_DISABLE", "--mode vault"},
		{"NTAP_SNAPSHOT_RETENTIONS", "'daily:0'"},
		{"SC_AGENT_TIMEOUT", "not 'soon'"},
		{"KVM_VM_MAPPING", "GUEST:CONTROLLER:/PATH"},
		{"POST_NTAP_CMD01", "%SNAP_TYPE"},
		{"POST_APP_QUIESCECMD01", "already"},
		{"SENDTRAP", "PRE_EXIT_CMDnn"},
		{"META_DATA_VOLUME", "[hooks]"},
		{"USE_GLOBAL_CONFIG", "--global"},
	};

	add_sample(import, "leftovers.conf");
	text = finish(import);
	for (gsize i = 0; i < G_N_ELEMENTS(left); i++)
		expect(import, left[i].key, VK_IMPORT_UNSUPPORTED, NULL, left[i].why);
	expect(import, "ORA_PASSWORD", VK_IMPORT_UNKNOWN, NULL, NULL);
	expect(import, "POST_APP_QUIESCE_CMD01", VK_IMPORT_TAKEN, "[hooks] POST_APP_QUIESCE_CMD01",
	       NULL);
	expect(import, "SNAME", VK_IMPORT_NOT_NEEDED, NULL, "no value");
	expect(import, "PORT", VK_IMPORT_NOT_NEEDED, NULL, "443");
	ck_assert_uint_eq(vk_import_count_open(import), G_N_ELEMENTS(left) + 1);
	ck_assert_ptr_null(strstr(text, "SC_AGENT_TIMEOUT"));
	ck_assert_ptr_null(strstr(text, "two"));
}
END_TEST

START_TEST(every_key_has_an_answer)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autofree char *text = NULL;
	const GPtrArray *keys = vk_import_keys(import);

	add_sample(import, "all-keys.conf");
	text = finish(import);
	ck_assert_uint_eq(keys->len, 259);
	for (guint i = 0; i < keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(keys, i);

		ck_assert_msg(key->verdict != VK_IMPORT_UNKNOWN, "%s", key->key);
		ck_assert_msg(key->verdict != VK_IMPORT_TAKEN || key->as, "%s", key->key);
		ck_assert_msg(key->verdict == VK_IMPORT_TAKEN || key->why, "%s", key->key);
	}
}
END_TEST

/* The same keys as a new configuration has them, and one that nobody knows. */
START_TEST(what_is_empty_needs_nothing)
{
	g_autofree char *sample = read_sample("all-keys.conf", NULL);
	g_auto(GStrv) lines = g_strsplit(sample, "\n", -1);
	g_autoptr(GString) text = g_string_new("NO_SUCH_KEY=\n");
	g_autoptr(VkImport) import = NULL;
	g_autofree char *configuration = NULL;
	const GPtrArray *keys;

	for (char **line = lines; *line; line++)
		if (strchr(*line, '='))
			g_string_append_printf(text, "%.*s=\n", (int)strcspn(*line, "="), *line);
	import = add_text(text->str);
	configuration = finish(import);
	keys = vk_import_keys(import);
	ck_assert_uint_eq(keys->len, 260);
	for (guint i = 0; i < keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(keys, i);

		ck_assert_msg(key->verdict == VK_IMPORT_NOT_NEEDED, "%s", key->key);
		ck_assert_str_eq(key->why, "it has no value");
	}
}
END_TEST

START_TEST(numbers_may_have_one_digit)
{
	g_autoptr(VkImport) import =
		add_text("PRE_EXIT_CMD1=/bin/one\nNTAP_SNAPSHOT_CREATE_CMD2=/bin/two\n"
			 "POST_APP_QUIESCECMD3=/bin/three\n");
	g_autofree char *text = finish(import);

	expect(import, "PRE_EXIT_CMD1", VK_IMPORT_TAKEN, "[hooks] PRE_EXIT_CMD01", NULL);
	expect(import, "NTAP_SNAPSHOT_CREATE_CMD2", VK_IMPORT_UNSUPPORTED, NULL, "itself");
	expect(import, "POST_APP_QUIESCECMD3", VK_IMPORT_TAKEN, "[hooks] POST_APP_QUIESCE_CMD03",
	       NULL);
	ck_assert_ptr_nonnull(strstr(text, "PRE_EXIT_CMD01=/bin/one"));
}
END_TEST

START_TEST(configuration_comes_before_globals)
{
	g_autoptr(VkImport) import = vk_import_new("kvm1");
	g_autoptr(VkSettings) settings = NULL;
	g_autofree char *text = NULL;

	add_sample(import, "local.conf");
	add_sample(import, "profile-global.conf");
	add_sample(import, "super-global.conf");
	text = finish(import);
	settings = vk_settings_parse(text, strlen(text), "imported", NULL);
	ck_assert_uint_eq(vk_settings_get_uint(settings, "array c1", "NTAP_TIMEOUT"), 20);
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "SC_AGENT_TIMEOUT"), 700);
	ck_assert_uint_eq(vk_settings_get_uint(settings, "backup", "KVM_CMD_RETRY_COUNT"), 9);
	ck_assert_str_eq(vk_settings_get(settings, "backup", "label"), "nightly");
	ck_assert_str_eq(vk_settings_get(settings, "backup", "mode"), "array");
	expect(import, "NTAP_TIMEOUT", VK_IMPORT_NOT_NEEDED, NULL, "'local.conf' comes first");
	expect(import, "SC_AGENT_TIMEOUT", VK_IMPORT_NOT_NEEDED, NULL, "'profile-global.conf'");
	ck_assert_uint_eq(vk_import_count_open(import), 0);
}
END_TEST

START_TEST(globals_may_be_switched_off)
{
	g_autoptr(VkImport) import = add_text("USE_GLOBAL_CONFIG=n\n");
	g_autofree char *text = NULL;

	add_sample(import, "super-global.conf");
	text = finish(import);
	ck_assert_ptr_null(strstr(text, "KVM_CMD_RETRY_COUNT"));
	expect(import, "KVM_CMD_RETRY_COUNT", VK_IMPORT_NOT_NEEDED, NULL, "USE_GLOBAL_CONFIG");
}
END_TEST

/* Neither order nor place of two keys that become one matters. */
START_TEST(larger_one_is_taken)
{
	static const char *const texts[] = {
		"NTAP_SNAPMIRROR_UPDATE=Y\nNTAP_SNAPVAULT_UPDATE=n\nNTAP_SNAPMIRROR_WAIT=9\n"
		"NTAP_SNAPVAULT_WAIT=10\n",
		"NTAP_SNAPVAULT_WAIT=10\nNTAP_SNAPMIRROR_WAIT=9\nNTAP_SNAPVAULT_UPDATE=n\n"
		"NTAP_SNAPMIRROR_UPDATE=Y\n",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(VkImport) import = add_text(texts[i]);
		g_autofree char *text = finish(import);

		ck_assert_msg(strstr(text, "\nNTAP_SNAPMIRROR_UPDATE=Y\n") != NULL, "%s", text);
		ck_assert_msg(strstr(text, "\nNTAP_SNAPMIRROR_WAIT=10\n") != NULL, "%s", text);
	}
}
END_TEST

START_TEST(broken_lines_are_named)
{
	static const struct {
		const char *text, *message;
	} files[] = {
		{"SNAME=a\n\nNTAP_USERS S3cret\n", "'sc.conf', line 3: not of the form"},
		{"# a \\\nA=b\\\nc\n[S3cret]\n", "line 4"},
		{"=S3cret\n", "line 1"},
		{"A[de]=S3cret\n", "line 1"},
		{"S3 cret=1\n", "line 1"},
		{"A=\\\n1\\\n2\nS3cret\n", "line 4"},
		{"A=1\nB=S3cret\xff\n", "line 2: not UTF-8"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(VkImport) import = vk_import_new("kvm1");

		ck_assert(!vk_import_add(import, "sc.conf", files[i].text, strlen(files[i].text),
					 &error));
		ck_assert_int_eq(error->code, VK_ERROR_USAGE);
		ck_assert_msg(strstr(error->message, files[i].message) != NULL, "%s",
			      error->message);
		ck_assert_ptr_null(strstr(error->message, "S3"));
	}
}
END_TEST

START_TEST(forms_of_files_are_read)
{
	g_autoptr(VkImport) import = add_text("\xef\xbb\xbf# \\\r\n KVM_CMD_RETRY_COUNT = 7 \r\n"
					      "SC_AGENT_TIMEOUT=6\\\r\n  0\\\r\n0");
	g_autofree char *text = finish(import);

	ck_assert_msg(strstr(text, "\nKVM_CMD_RETRY_COUNT=7\n") != NULL, "%s", text);
	ck_assert_msg(strstr(text, "\nSC_AGENT_TIMEOUT=600\n") != NULL, "%s", text);
	ck_assert_uint_eq(find(import, "SC_AGENT_TIMEOUT")->line, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapcreator");
	TCase *cases = tcase_create("snapcreator");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, profile_becomes_a_configuration);
	tcase_add_test(cases, values_survive);
	tcase_add_test(cases, passwords_are_nowhere);
	tcase_add_test(cases, leftovers_are_told);
	tcase_add_test(cases, every_key_has_an_answer);
	tcase_add_test(cases, what_is_empty_needs_nothing);
	tcase_add_test(cases, numbers_may_have_one_digit);
	tcase_add_test(cases, configuration_comes_before_globals);
	tcase_add_test(cases, globals_may_be_switched_off);
	tcase_add_test(cases, larger_one_is_taken);
	tcase_add_test(cases, broken_lines_are_named);
	tcase_add_test(cases, forms_of_files_are_read);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
