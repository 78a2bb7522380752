/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot.h"

#include "errors.h"
#include "json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The file of format 1 that every later version must read. */
static json_t *load_golden(void)
{
	g_autofree char *path = g_build_filename(g_getenv("VK_TEST_DATA"), "snapshot-1.json", NULL);
	json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_ptr_nonnull(object);
	return object;
}

static VkSnapshot *parse(const json_t *object)
{
	g_autoptr(GError) error = NULL;
	VkSnapshot *snapshot = vk_snapshot_from_json(object, &error);

	ck_assert_msg(snapshot != NULL, "%s", error ? error->message : "");
	return snapshot;
}

START_TEST(golden_file_is_understood)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = parse(object);
	const VkDiskRecord *disk = vk_snapshot_find_disk(snapshot, "vda");
	const VkFileRecord *file = g_ptr_array_index(snapshot->files, 0);
	const VkRun *run = g_ptr_array_index(disk->image->runs, 0);
	const VkSegment *segment = &g_array_index(run->segments, VkSegment, 1);
	g_autofree char *reference = vk_snapshot_reference(snapshot);

	ck_assert_str_eq(reference, "Büro 1@20261122T201405Z");
	ck_assert_str_eq(snapshot->id, "0123456789abcdef");
	ck_assert_str_eq(snapshot->uuid, "5f0c7c5e-9a2b-4b7e-8a53-0d1f6f0e7a11");
	ck_assert_str_eq(snapshot->parent, "fedcba9876543210");
	ck_assert_str_eq(snapshot->group, "nightly");
	ck_assert_str_eq(snapshot->consistency, "filesystem");
	ck_assert_str_eq(snapshot->live_xml, "<domain id='3'/>\n");
	ck_assert_uint_eq(snapshot->pause_usec, 12345);
	ck_assert_uint_eq(snapshot->skew_usec, 678);
	ck_assert_uint_eq(snapshot->duration_usec, 2500001);
	ck_assert_uint_eq(snapshot->scratch, 1310720);
	ck_assert_str_eq(snapshot->checkpoint, disk->bitmap);
	ck_assert_str_eq(snapshot->checkpoint_xml, "<domaincheckpoint/>\n");
	ck_assert(snapshot->persistent && !snapshot->autostart);
	ck_assert_uint_eq(snapshot->disks->len, 2);
	ck_assert_uint_eq(snapshot->skipped->len, 2);
	ck_assert_str_eq(disk->bitmap, "virtkeep-01234567-89abcdef");
	ck_assert_uint_eq(disk->stored, 4711);
	ck_assert_uint_eq(disk->image->size, 1073741825);
	ck_assert_uint_eq(disk->image->allocated, 131072);
	ck_assert_uint_eq(disk->image->runs->len, 2);
	ck_assert_uint_eq(run->extents, 70);
	ck_assert_uint_eq(segment->pack.bytes[0], 0xff);
	ck_assert_uint_eq(segment->slot, 4031);
	ck_assert_uint_eq(segment->pages, 64);
	ck_assert_uint_eq(segment->first_block, 10);
	ck_assert_uint_eq(segment->last_block, 16384);
	ck_assert_str_eq(file->name, "nvram.fd");
	ck_assert_uint_eq(file->mode, 0600);
	ck_assert_ptr_null(vk_snapshot_find_disk(snapshot, "vdc"));
	ck_assert_ptr_null(vk_snapshot_find_disk(snapshot, "vdb")->bus);
}
END_TEST

/* What the writer leaves out: unknown and null members, copies of other kinds. */
static void remove_unwritten(json_t *golden)
{
	json_t *disks = json_object_get(golden, "disks");

	json_object_del(golden, "later");
	json_array_remove(json_object_get(json_array_get(disks, 0), "copies"), 0);
	json_object_del(json_array_get(disks, 1), "bus");
}

START_TEST(what_was_read_is_written)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = parse(object);
	g_autoptr(json_t) written = vk_snapshot_to_json(snapshot);
	g_autofree char *expected = NULL, *line = vk_json_line(written);

	remove_unwritten(object);
	expected = vk_json_line(object);
	ck_assert_str_eq(line, expected);
}
END_TEST

/* GlusterFS, mergerfs and overlayfs use all 64 bits of an inode's number. */
START_TEST(the_highest_inode_number_is_kept)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = parse(object);
	VkDiskRecord *disk = snapshot->disks->pdata[0];
	g_autoptr(json_t) written = NULL;
	g_autoptr(VkSnapshot) read = NULL;

	disk->inode = G_MAXUINT64;
	written = vk_snapshot_to_json(snapshot);
	read = parse(written);
	disk = read->disks->pdata[0];
	ck_assert(disk->inode == G_MAXUINT64);
}
END_TEST

START_TEST(older_ones_lack_what_came_later)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = NULL;

	json_object_del(object, "skew_us");
	json_object_del(object, "duration_us");
	json_object_del(object, "scratch");
	snapshot = parse(object);
	ck_assert_uint_eq(snapshot->skew_usec, 0);
	ck_assert_uint_eq(snapshot->duration_usec, 0);
	ck_assert_uint_eq(snapshot->scratch, 0);
}
END_TEST

START_TEST(its_grade_tells_what_is_missing)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) whole = parse(object);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(json_t) stored = NULL;
	g_autoptr(json_t) report = NULL;
	g_autofree char *whole_grade = vk_snapshot_grade(whole);
	g_autofree char *grade = NULL;

	ck_assert_str_eq(whole_grade, "filesystem");
	whole->incomplete = TRUE;
	stored = vk_snapshot_to_json(whole);
	snapshot = parse(stored);
	grade = vk_snapshot_grade(snapshot);
	ck_assert_str_eq(grade, "filesystem, incomplete");
	report = vk_snapshot_to_report(snapshot);
	ck_assert(json_is_true(json_object_get(report, "incomplete")));
	json_object_set_new(stored, "incomplete", json_integer(1));
	ck_assert_ptr_null(vk_snapshot_from_json(stored, NULL));
}
END_TEST

START_TEST(report_is_for_programs)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = parse(object);
	g_autoptr(json_t) report = vk_snapshot_to_report(snapshot);
	json_t *disk = json_array_get(json_object_get(report, "disks"), 0), *copies;

	ck_assert_str_eq(json_string_value(json_object_get(report, "snapshot")),
			 "Büro 1@20261122T201405Z");
	ck_assert_int_eq(json_integer_value(json_object_get(report, "pause_ms")), 13);
	ck_assert_int_eq(json_integer_value(json_object_get(report, "duration_ms")), 2501);
	ck_assert_str_eq(json_string_value(json_object_get(report, "parent")), "fedcba9876543210");
	ck_assert_int_eq(json_integer_value(json_object_get(report, "skew_ms")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(report, "scratch")), 1310720);
	ck_assert_str_eq(json_string_value(json_object_get(disk, "bitmap")),
			 "virtkeep-01234567-89abcdef");
	ck_assert_int_eq(json_integer_value(json_object_get(disk, "new")), 65536);
	copies = json_object_get(disk, "copies");
	ck_assert_uint_eq(json_array_size(copies), 1);
	ck_assert_str_eq(json_string_value(json_array_get(copies, 0)), "vault");
	copies = json_object_get(json_array_get(json_object_get(report, "disks"), 1), "copies");
	ck_assert_str_eq(json_string_value(json_array_get(copies, 0)), "filer1");
	ck_assert_ptr_null(json_object_get(report, "domain_xml"));
}
END_TEST

/* An array may count more than the image has, but what a reader refuses is not written. */
START_TEST(an_array_counts_no_more_than_whole_blocks)
{
	g_autoptr(VkImageRecord) cut = vk_image_record_new_on_array(65537, 1 << 20, NULL);
	g_autoptr(VkImageRecord) kept = vk_image_record_new_on_array(65537, 4096, NULL);
	g_autoptr(VkImageRecord) empty = vk_image_record_new_on_array(0, 4096, NULL);

	ck_assert_uint_eq(cut->allocated, 2 * 65536);
	ck_assert_uint_eq(kept->allocated, 4096);
	ck_assert_uint_eq(empty->allocated, 0);
}
END_TEST

START_TEST(new_snapshots_have_own_ids)
{
	g_autoptr(VkSnapshot) one = vk_snapshot_new();
	g_autoptr(VkSnapshot) other = vk_snapshot_new();

	ck_assert_uint_eq(strlen(one->id), 16);
	ck_assert_str_ne(one->id, other->id);
}
END_TEST

#define RUN "disks.0.copies.1.runs.0"

/* A member set to another value, or removed, and what the reader says of it. */
static const struct {
	const char *path;
	const char *value; /* JSON; NULL: removed */
	VkErrorCode code;
} changes[] = {
	{"format", "2", VK_ERROR_FAILED},
	{"format", "0", VK_ERROR_DAMAGE},
	{"format", NULL, VK_ERROR_DAMAGE},
	{"id", "\"0123456789ABCDEF\"", VK_ERROR_DAMAGE},
	{"id", "\"0123\"", VK_ERROR_DAMAGE},
	{"id", "\"0123456789abcdef/..\"", VK_ERROR_DAMAGE},
	{"parent", "\"../../../../etc\"", VK_ERROR_DAMAGE},
	{"uuid", "\"5F0C7C5E-9A2B-4B7E-8A53-0D1F6F0E7A11\"", VK_ERROR_DAMAGE},
	{"uuid", "\"..\"", VK_ERROR_DAMAGE},
	{"name", "\"\"", VK_ERROR_DAMAGE},
	{"name", NULL, VK_ERROR_DAMAGE},
	{"time", "\"20261322T201405Z\"", VK_ERROR_DAMAGE},
	{"consistency", "\"perfect\"", VK_ERROR_DAMAGE},
	{"group", "5", VK_ERROR_DAMAGE},
	{"pause_us", "-1", VK_ERROR_DAMAGE},
	{"skew_us", "-1", VK_ERROR_DAMAGE},
	{"duration_us", "-1", VK_ERROR_DAMAGE},
	{"scratch", "\"much\"", VK_ERROR_DAMAGE},
	{"pause_us", "1.5", VK_ERROR_DAMAGE},
	{"persistent", "1", VK_ERROR_DAMAGE},
	{"domain_xml", NULL, VK_ERROR_DAMAGE},
	{"disks", NULL, VK_ERROR_DAMAGE},
	{"disks", "{}", VK_ERROR_DAMAGE},
	{"disks.0", "7", VK_ERROR_DAMAGE},
	{"disks.0.target", "\"../x\"", VK_ERROR_DAMAGE},
	{"disks.0.target", "\"..\"", VK_ERROR_DAMAGE},
	{"disks.0.target", "\".\"", VK_ERROR_DAMAGE},
	{"disks.0.target", "\"\"", VK_ERROR_DAMAGE},
	{"disks.0.target", "\"v\\nda\"", VK_ERROR_DAMAGE},
	{"disks.0.target", "\"vdb\"", VK_ERROR_DAMAGE},
	{"disks.0.mode", "\"partial\"", VK_ERROR_DAMAGE},
	{"disks.0.size", "281474976645121", VK_ERROR_DAMAGE},
	{"disks.0.size", "1073741824", VK_ERROR_DAMAGE}, /* block 16384 is beyond */
	{"disks.0.allocated", "1073807361", VK_ERROR_DAMAGE},
	{"disks.0.copies", "[]", VK_ERROR_DAMAGE},
	{"disks.0.copies.1", "{\"kind\": \"tape\"}", VK_ERROR_FAILED},
	{"disks.0.copies.1.kind", NULL, VK_ERROR_DAMAGE},
	{RUN ".extents", "64", VK_ERROR_DAMAGE},
	{RUN ".extents", "266111", VK_ERROR_DAMAGE},
	{RUN ".segments.0.pack", "\"00\"", VK_ERROR_DAMAGE},
	{RUN ".segments.0.pages", "0", VK_ERROR_DAMAGE},
	{RUN ".segments.1.pages", "65", VK_ERROR_DAMAGE},
	{RUN ".segments.1.slot", "4032", VK_ERROR_DAMAGE},
	{RUN ".segments.1.first", "9", VK_ERROR_DAMAGE},
	{RUN ".segments.1.last", "9", VK_ERROR_DAMAGE},
	{RUN ".segments.1.last", "16385", VK_ERROR_DAMAGE},
	{RUN ".segments.1.last", "4294967296", VK_ERROR_DAMAGE},
	{"skipped.0.target", NULL, VK_ERROR_DAMAGE},
	{"files.0.name", "\"a/b\"", VK_ERROR_DAMAGE},
	{"files.0.role", "\"disk\"", VK_ERROR_DAMAGE},
	{"files.0.mode", "4096", VK_ERROR_DAMAGE},
	{"files.0.copies", "[{\"kind\": \"array\", \"array\": \"filer1\"}]", VK_ERROR_FAILED},
};

static json_t *member(json_t *parent, const char *key)
{
	return json_is_array(parent) ? json_array_get(parent, (gsize)atoi(key))
				     : json_object_get(parent, key);
}

static void change(json_t *object, const char *path, const char *value)
{
	g_auto(GStrv) keys = g_strsplit(path, ".", -1);
	json_t *parent = object;
	json_t *changed = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	guint last = g_strv_length(keys) - 1;

	for (guint i = 0; i < last; i++)
		parent = member(parent, keys[i]);
	ck_assert_ptr_nonnull(member(parent, keys[last]));
	if (!changed)
		json_object_del(parent, keys[last]);
	else if (json_is_array(parent))
		json_array_set_new(parent, (gsize)atoi(keys[last]), changed);
	else
		json_object_set_new(parent, keys[last], changed);
}

START_TEST(out_of_bounds_is_refused)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GError) error = NULL;

	change(object, changes[_i].path, changes[_i].value);
	snapshot = vk_snapshot_from_json(object, &error);
	ck_assert_msg(!snapshot, "%s = %s", changes[_i].path, changes[_i].value);
	ck_assert_msg(error->code == (int)changes[_i].code, "%s", error->message);
}
END_TEST

/* Copies of the first entry of the list at PATH, until it has COUNT. */
static void fill(json_t *object, const char *path, gsize count)
{
	g_auto(GStrv) keys = g_strsplit(path, ".", -1);
	json_t *list = object;

	for (char **key = keys; *key; key++)
		list = member(list, *key);
	while (json_array_size(list) < count)
		json_array_append(list, json_array_get(list, 0));
}

START_TEST(long_lists_are_refused)
{
	static const struct {
		const char *path;
		gsize count;
		const char *text;
	} lists[] = {
		{"disks.0.copies.1.runs", VK_RUNS_MAX + 1, "more than 8 runs"},
		{RUN ".segments", VK_SEGMENTS_MAX + 1, "more than 65536 segments"},
		{"skipped", VK_DISKS_MAX + 1, "more than 1024 entries"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autoptr(json_t) object = load_golden();
		g_autoptr(GError) error = NULL;

		fill(object, lists[i].path, lists[i].count);
		ck_assert_ptr_null(vk_snapshot_from_json(object, &error));
		ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
		ck_assert_ptr_nonnull(strstr(error->message, lists[i].text));
	}
}
END_TEST

/* An array took the snapshot, and the vault got its copy later. */
START_TEST(later_copies_are_added)
{
	g_autoptr(json_t) object = load_golden();
	g_autoptr(VkSnapshot) source = parse(object);
	g_autoptr(json_t) copies = vk_snapshot_copies_to_json(source);
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(GError) error = NULL;
	VkDiskRecord *disk;

	json_array_remove(
		json_object_get(json_array_get(json_object_get(object, "disks"), 1), "copies"), 0);
	snapshot = parse(object);
	ck_assert(!vk_snapshot_is_in_vault(snapshot) && vk_snapshot_is_on_array(snapshot));
	disk = g_ptr_array_index(snapshot->disks, 1);
	ck_assert(!disk->image->runs && disk->image->array);
	ck_assert(vk_snapshot_add_copies(snapshot, copies, &error));
	ck_assert(vk_snapshot_is_in_vault(snapshot));
	disk = g_ptr_array_index(snapshot->disks, 1);
	ck_assert_uint_eq(disk->image->runs->len,
			  vk_snapshot_find_disk(source, "vdb")->image->runs->len);

	json_object_set_new(copies, "id", json_string("0000000000000000"));
	ck_assert(!vk_snapshot_add_copies(snapshot, copies, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
}
END_TEST

/* The error is set once, which GLib would warn of. */
START_TEST(later_copies_are_checked)
{
	static const struct {
		const char *path, *value;
	} damages[] = {
		{"disks.1.target", "\"vdz\""}, {"disks.1.size", "1"}, {"disks.1.size", NULL},
		{"disks.1.read", NULL},        {"disks.1.runs", "5"},
	};

	g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_WARNING);
	for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
		g_autoptr(json_t) object = load_golden();
		g_autoptr(VkSnapshot) source = parse(object);
		g_autoptr(json_t) copies = vk_snapshot_copies_to_json(source);
		g_autoptr(VkSnapshot) snapshot = NULL;
		g_autoptr(GError) error = NULL;

		change(object, "disks.1.copies", "[{\"kind\": \"array\", \"array\": \"filer1\"}]");
		change(copies, damages[i].path, damages[i].value);
		snapshot = parse(object);
		ck_assert(!vk_snapshot_add_copies(snapshot, copies, &error));
		ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
		ck_assert(!vk_snapshot_is_in_vault(snapshot));
	}
}
END_TEST

static Suite *snapshot_suite(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *cases = tcase_create("snapshot");

	tcase_add_test(cases, golden_file_is_understood);
	tcase_add_test(cases, later_copies_are_added);
	tcase_add_test(cases, later_copies_are_checked);
	tcase_add_test(cases, what_was_read_is_written);
	tcase_add_test(cases, the_highest_inode_number_is_kept);
	tcase_add_test(cases, older_ones_lack_what_came_later);
	tcase_add_test(cases, its_grade_tells_what_is_missing);
	tcase_add_test(cases, report_is_for_programs);
	tcase_add_test(cases, new_snapshots_have_own_ids);
	tcase_add_test(cases, an_array_counts_no_more_than_whole_blocks);
	tcase_add_loop_test(cases, out_of_bounds_is_refused, 0, G_N_ELEMENTS(changes));
	tcase_add_test(cases, long_lists_are_refused);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(snapshot_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
