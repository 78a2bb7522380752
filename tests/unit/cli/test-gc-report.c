/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a garbage collection says of what it did, and of who keeps the rest. */
#include "cmd-gc.h"

#include "checked-json.h"
#include "vault-dir.h"
#include "vault-parts.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST  "snaps/11111111-2222-3333-4444-555555555555/20261121T120000Z-0123456789abcdef"
#define SECOND "snaps/11111111-2222-3333-4444-555555555555/20261122T120000Z-0123456789abcdef"
#define ID     "0123456789abcdef0123456789abcdef"
#define ADVICE "if one of these hosts does not come back, run 'virtkeep doctor --end-lease LEASE'\n"

static VaultDir dir;
static VkGcReport report;

static void put(const char *name)
{
	ck_assert(vk_store_put(dir.vault->store, name, NULL, 0, VK_PUT_NOW, NULL));
}

/* TEXT: JSON with ' for ". */
static void put_json(const char *name, const char *text)
{
	g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
	g_autoptr(json_t) object = json_loads(quoted, 0, NULL);

	ck_assert_ptr_nonnull(object);
	ck_assert(vk_checked_json_put(dir.vault->store, name, object, VK_PUT_NOW, NULL));
}

static void setup(void)
{
	g_setenv("TZ", "UTC", TRUE);
	report = (VkGcReport){.vault = vault_dir_new(&dir)};
	put(FIRST ".json");
	put(SECOND ".json");
}

static void teardown(void)
{
	vault_dir_clear(&dir);
}

/* What is printed of the report. New string. */
static char *print(void)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("virtkeep-test-XXXXXX", &path, NULL), before = dup(STDOUT_FILENO);
	char *text = NULL;

	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	vk_gc_print(&report);
	fflush(stdout);
	ck_assert_int_ge(dup2(before, STDOUT_FILENO), 0);
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	close(fd);
	close(before);
	return text;
}

static void expect(const char *expected)
{
	g_autofree char *text = print();

	ck_assert_str_eq(text, expected);
}

START_TEST(what_was_done_is_counted)
{
	report.result =
		(VkCollectResult){.snapshots = 2, .packs = 1, .compacted = 3, .bytes = 5u << 20};
	expect("2 snapshots removed, 1 pack deleted, 3 compacted, 5.0 MiB freed\n");
	report.dry_run = TRUE;
	expect("would be: 2 snapshots removed, 1 pack deleted, 3 compacted, 5.0 MiB freed\n");
}
END_TEST

START_TEST(an_older_vault_is_explained)
{
	put(FIRST ".del");
	put(FIRST ".pin-01");
	report.result.took_over = TRUE;
	expect("the vault was made by an earlier version, which can read it from now on, but not "
	       "write into it; nothing was freed: once no backup of that version is running, run "
	       "'virtkeep gc' again\n");
}
END_TEST

#define OWNER "'since': '20261122T201405Z', 'owner': {'host': 'elsewhere'}"

static const struct {
	const char *name, *content; /* of an object; its content NULL: empty */
	const char *said;
	const char *by;
	gint64 snapshots;
} keepers[] = {
	{FIRST ".pin-01", "{'until': null, 'when': '20261122T201405Z', 'host': 'elsewhere'}",
	 "1 forgotten snapshot stays: pinned on the host 'elsewhere' since 2026-11-22 20:14\n",
	 "pin", 1},
	{FIRST ".pin-01", "{'until': '20200101T000000Z'}",
	 "1 forgotten snapshot stays: its pin has ended: unpin it\n", "pin", 1},
	{"leases/" ID ".0", "{'kind': 'read', " OWNER "}",
	 "2 forgotten snapshots stay: a restore, a mount or a check on the host 'elsewhere' since "
	 "2026-11-22 20:14, lease " ID "\n" ADVICE,
	 "read", 2},
	{"leases/" ID ".0", "{'kind': 'write', " OWNER "}",
	 "the blocks of one backup stay: the backup that was taken for dead on the host "
	 "'elsewhere' since 2026-11-22 20:14, lease " ID "\n" ADVICE,
	 "write", 0},
	{"leases/" ID ".0", NULL,
	 "2 forgotten snapshots stay: an unreadable lease on the host '?' since ?, lease " ID
	 "\n" ADVICE,
	 "unknown", 2},
};

START_TEST(who_keeps_the_rest_is_named)
{
	g_autofree char *expected =
		g_strconcat("0 snapshots removed, 0 packs deleted, 0 compacted, 0 B freed\n",
			    keepers[_i].said, NULL);
	g_autoptr(json_t) json = NULL;
	const json_t *kept;

	put(FIRST ".del");
	put(SECOND ".del");
	if (keepers[_i].content)
		put_json(keepers[_i].name, keepers[_i].content);
	else
		put(keepers[_i].name);
	if (strcmp(keepers[_i].by, "write") == 0) {
		put("leases/" ID ".commit");
		put("fence/" ID ".0");
	}
	expect(expected);
	json = vk_gc_to_json(&report);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "kept")), 1);
	kept = json_array_get(json_object_get(json, "kept"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(kept, "by")), keepers[_i].by);
	ck_assert_int_eq(json_integer_value(json_object_get(kept, "snapshots")),
			 keepers[_i].snapshots);
	ck_assert(json_is_null(json_object_get(kept, "lease")) ==
		  (strcmp(keepers[_i].by, "pin") == 0));
}
END_TEST

START_TEST(many_are_counted)
{
	g_autofree char *text = NULL;

	put(FIRST ".del");
	for (guint i = 0; i < 13; i++) {
		g_autofree char *name = g_strdup_printf("leases/%032x.0", i);

		put(name);
	}
	text = print();
	ck_assert_ptr_nonnull(strstr(text, "lease 00000000000000000000000000000000\n"));
	ck_assert_msg(g_str_has_suffix(text, "\nand 3 more like these\n" ADVICE), "%s", text);
}
END_TEST

START_TEST(json_has_all_numbers)
{
	g_autoptr(json_t) expected = json_loads(
		"{\"dry_run\": true, \"snapshots\": 1, \"packs\": 2, \"compacted\": 3, \"freed\": "
		"4, \"left_on_arrays\": 5, \"took_over\": false, \"duration_ms\": 7, \"kept\": []}",
		0, NULL);
	g_autoptr(json_t) json = NULL;

	report.dry_run = TRUE;
	report.result = (VkCollectResult){.snapshots = 1, .packs = 2, .compacted = 3, .bytes = 4};
	report.left_on_arrays = 5;
	report.usec = 6001;
	json = vk_gc_to_json(&report);
	ck_assert(json_equal(json, expected));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gc-report");
	TCase *cases = tcase_create("gc-report");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_was_done_is_counted);
	tcase_add_test(cases, an_older_vault_is_explained);
	tcase_add_loop_test(cases, who_keeps_the_rest_is_named, 0, G_N_ELEMENTS(keepers));
	tcase_add_test(cases, many_are_counted);
	tcase_add_test(cases, json_has_all_numbers);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
