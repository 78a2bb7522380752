/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views: which copy of a disk serves, as the array loses its own and the vault gets one. */
#include "catalog.h"
#include "errors.h"
#include "json.h"
#include "memory-source.h"
#include "session.h"
#include "source-image.h"
#include "temp-vault.h"
#include "view.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define SIZE 200000

static char *directory;
static guint asked; /* the array, whether it has its copy */
static VkVault *vault;
static gboolean on_array; /* the array has its copy */
static gboolean on_other; /* another one has a replica */
static guint searches;    /* for replicas */

static gboolean fake_has(gpointer data, const json_t *copy)
{
	asked++;
	return on_array;
}

static char *fake_replica(gpointer data, const json_t *copy)
{
	searches++;
	return on_other ? g_strdup("other") : NULL;
}

/* On the arrays the disk is all 'a' or 'r', in the vault all 'v'. */
static MemSource *disk_of(char letter)
{
	MemSource *source = mem_source_new(SIZE);

	memset(source->bytes, letter, SIZE);
	memset(source->kinds, VK_SOURCE_DATA, (SIZE + MEM_UNIT - 1) / MEM_UNIT);
	return source;
}

static VkImage *fake_open(gpointer data, const json_t *copy, GError **error)
{
	searches += !on_array;
	if (!on_array && !on_other) {
		vk_fail(error, VK_ERROR_NOT_FOUND, "mount its replica");
		return NULL;
	}
	return vk_source_image_new(&disk_of(on_array ? 'a' : 'r')->base, -1);
}

static void setup(void)
{
	const VkCopyReader reader = {.open = fake_open, .has = fake_has, .replica = fake_replica};
	VkSession *session;
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkImageRecord *record =
		vk_image_record_new_on_array(SIZE, SIZE, json_pack("{s:s}", "array", "shelf"));

	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_set_copy_reader(vault, &reader);
	on_array = TRUE;
	on_other = FALSE;
	searches = 0;
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	session = vk_session_new(vault, 0, NULL);
	ck_assert_ptr_nonnull(session);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_session_free(session);
}

static void teardown(void)
{
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

static VkView *load(void)
{
	VkSnapshot *snapshot = vk_catalog_find(vault, UUID "@latest", NULL);

	ck_assert_ptr_nonnull(snapshot);
	return vk_view_new(vault, snapshot);
}

/* As the command "copy" does. */
static void copy_to_vault(void)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_find(vault, UUID "@latest", NULL);
	VkSession *session = vk_session_new(vault, 0, NULL);
	MemSource *source = disk_of('v');
	VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, 0);
	g_autofree char *folder = g_build_filename(directory, "copies", NULL);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	VkImageRecord *saved = vk_session_save(session, &source->base, NULL, &stats, NULL, NULL);

	ck_assert_ptr_nonnull(saved);
	/* Older vaults lack it. */
	g_rmdir(folder);
	saved->array = json_incref(disk->image->array);
	vk_image_record_free(disk->image);
	disk->image = saved;
	ck_assert_msg(vk_session_commit_copies(session, snapshot, &error), "%s",
		      error ? error->message : "");
	vk_session_free(session);
	vk_source_free(&source->base);
}

static void assert_serves(VkView *view, char letter)
{
	const VkViewFile *file = vk_view_find(view, "vda.raw");
	g_autoptr(GError) error = NULL;
	g_autoptr(VkImage) image = vk_view_open_image(view, file->record, &error);
	char byte;

	ck_assert_msg(image != NULL, "%s", error ? error->message : "");
	ck_assert(vk_image_read(image, SIZE - 1, &byte, 1, NULL));
	ck_assert_int_eq(byte, letter);
}

static void assert_tells(VkView *view, const char *serves)
{
	const VkViewFile *file = vk_view_find(view, "snapshot.json");
	g_autoptr(json_t) report = json_loads(file->text, 0, NULL);
	const json_t *told =
		json_object_get(json_array_get(json_object_get(report, "disks"), 0), "serves");

	ck_assert_ptr_nonnull(told);
	if (serves)
		ck_assert_str_eq(json_string_value(told), serves);
	else
		ck_assert(json_is_null(told));
}

START_TEST(the_array_serves_as_long_as_it_has_its_copy)
{
	g_autoptr(VkView) view = load();
	g_autoptr(VkView) later = NULL;

	assert_tells(view, "shelf");
	assert_serves(view, 'a');
	copy_to_vault();
	assert_serves(view, 'a');
	on_array = FALSE;
	assert_serves(view, 'v');
	later = load();
	assert_tells(later, "vault");
	assert_serves(later, 'v');
}
END_TEST

/* One that does not answer must not keep a mount from coming up. */
START_TEST(the_array_is_asked_when_somebody_looks)
{
	g_autoptr(VkView) view = NULL;

	asked = 0;
	view = load();
	ck_assert_uint_eq(asked, 0);
	ck_assert(vk_view_find(view, "snapshot.json")->may_change);
	ck_assert(!vk_view_find(view, "vda.raw")->may_change);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(vk_view_files(view)->len, 3);
	ck_assert_uint_eq(asked, 1);
}
END_TEST

START_TEST(a_copy_that_comes_after_a_failure_serves)
{
	g_autoptr(VkView) view = load();
	const VkViewFile *file = vk_view_find(view, "vda.raw");

	on_array = FALSE;
	for (guint i = 0; i < 3; i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_ptr_null(vk_view_open_image(view, file->record, &error));
		ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
		ck_assert_ptr_nonnull(strstr(error->message, "mount its replica"));
	}
	copy_to_vault();
	assert_serves(view, 'v');
	assert_serves(view, 'v');
}
END_TEST

START_TEST(what_nobody_has_is_told)
{
	g_autoptr(VkView) view = NULL;

	on_array = FALSE;
	view = load();
	assert_tells(view, NULL);
}
END_TEST

/* Whether there are replicas, all arrays have to be asked: not as long as others serve. */
START_TEST(a_replica_serves_last)
{
	g_autoptr(VkView) view = load();
	g_autoptr(VkView) later = NULL;

	on_other = TRUE;
	assert_serves(view, 'a');
	ck_assert_uint_eq(searches, 0);
	on_array = FALSE;
	assert_serves(view, 'r');
	later = load();
	assert_tells(later, "other");
	copy_to_vault();
	searches = 0;
	assert_serves(view, 'v');
	g_clear_pointer(&later, vk_view_free);
	later = load();
	assert_tells(later, "vault");
	assert_serves(later, 'v');
	ck_assert_uint_eq(searches, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("view");
	TCase *cases = tcase_create("view");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_array_is_asked_when_somebody_looks);
	tcase_add_test(cases, the_array_serves_as_long_as_it_has_its_copy);
	tcase_add_test(cases, a_copy_that_comes_after_a_failure_serves);
	tcase_add_test(cases, what_nobody_has_is_told);
	tcase_add_test(cases, a_replica_serves_last);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
