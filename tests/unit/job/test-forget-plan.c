/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the policy forgets in a vault, and what is kept whatever the rules say. */
#include "array-drivers.h"
#include "catalog-pin.h"
#include "errors.h"
#include "forget-plan.h"
#include "log.h"
#include "memory-source.h"
#include "named-snapshots.h"
#include "session.h"
#include "temp-vault.h"
#include "timestamp.h"
#include "vault-parts.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UUID  "11111111-2222-3333-4444-555555555555"
#define OTHER "99999999-2222-3333-4444-555555555555"
#define DAY   ((gint64)24 * 60 * 60)
#define SIZE  65536

static char *directory;
static VkVault *vault;
static VkSettings *settings;
static VkArrays *arrays;
static VkPresence *presence;

static void configure(const char *text)
{
	g_autoptr(GError) error = NULL;

	vk_arrays_free(arrays);
	vk_settings_free(settings);
	settings = vk_settings_parse(text, strlen(text), "test.conf", &error);
	ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
	arrays = vk_arrays_new(settings, vk_log_warning, NULL);
}

static void setup(void)
{
	static const char *const uuids[] = {UUID, NULL};
	g_autofree char *path = NULL;

	directory = temp_directory_new();
	path = g_build_filename(directory, "vault", NULL);
	vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(vault);
	presence = vk_presence_new("kvm1", uuids);
	configure("[retention]\nkeep_daily = 2\ntimezone = UTC\n");
}

static void teardown(void)
{
	vk_vault_free(vault);
	g_clear_pointer(&arrays, vk_arrays_free);
	g_clear_pointer(&settings, vk_settings_free);
	vk_presence_free(presence);
	temp_directory_remove(directory);
	g_free(directory);
}

static gint64 now(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

/* A snapshot with its image in the vault. */
static VkSnapshot *new_snapshot(VkSession *session, const char *uuid, gint64 ago)
{
	g_autofree char *time = vk_time_format(now() - ago);
	MemSource *source = mem_source_new(SIZE);
	VkSaveStats stats = {0};
	VkImageRecord *image = vk_session_save(session, &source->base, NULL, &stats, NULL, NULL);
	VkSnapshot *snapshot = make_snapshot(uuid, time, image);

	vk_source_free(&source->base);
	g_free(snapshot->host);
	snapshot->host = g_strdup("kvm1");
	return snapshot;
}

static char *object_path(const VkSnapshot *snapshot)
{
	g_autofree char *object =
		vk_snapshot_key_object(snapshot->uuid, snapshot->time, snapshot->id);

	return test_vault_path(vault, object);
}

/* Lists it, and lets the store have got it when it says that it was taken. */
static void commit(VkSession *session, VkSnapshot *snapshot, gint64 stored)
{
	g_autoptr(GError) error = NULL;
	struct timespec times[2] = {{.tv_sec = stored}, {.tv_sec = stored}};
	g_autofree char *path = NULL;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	path = object_path(snapshot);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void add_labelled(const char *uuid, gint64 ago, const char *label)
{
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) snapshot = new_snapshot(session, uuid, ago);

	g_free(snapshot->label);
	snapshot->label = g_strdup(label);
	commit(session, snapshot, now() - ago);
	vk_session_free(session);
}

static void add(const char *uuid, gint64 ago)
{
	add_labelled(uuid, ago, NULL);
}

static GPtrArray *make_plan_of(const char *job, char *const *names, GError **error)
{
	const VkForgetFacts facts = {
		.vault = vault,
		.arrays = arrays,
		.settings = settings,
		.presence = presence,
		.job = job,
		.now = now(),
	};

	return vk_forget_plan(&facts, names, error);
}

static GPtrArray *make_plan(char *const *names, GError **error)
{
	return make_plan_of(NULL, names, error);
}

/* One letter for each snapshot of the only guest, the oldest first: 'k' is kept, '-' is not. */
static void assert_plan(const GPtrArray *plan, const char *expected)
{
	const VkForgetGuest *guest = g_ptr_array_index(plan, 0);
	g_autoptr(GString) kept = g_string_new(NULL);
	guint forgotten = 0;

	for (guint i = 0; i < guest->items->len; i++) {
		gboolean is_kept = vk_forget_is_kept(g_ptr_array_index(guest->items, i));

		g_string_append_c(kept, is_kept ? 'k' : '-');
		forgotten += is_kept ? 0 : 1;
	}
	ck_assert_str_eq(kept->str, expected);
	ck_assert_uint_eq(guest->n_forgotten, forgotten);
}

static void assert_planned(const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) plan = make_plan(NULL, &error);

	ck_assert_msg(plan != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(plan->len, 1);
	assert_plan(plan, expected);
}

static const char *first_reason(const GPtrArray *plan, guint i)
{
	const VkForgetGuest *guest = g_ptr_array_index(plan, 0);

	return ((const VkForgetItem *)g_ptr_array_index(guest->items, i))->reasons[0];
}

static guint count_listed(void)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, NULL, NULL);

	return keys->len;
}

START_TEST(plan_changes_nothing_and_apply_forgets)
{
	guint refused;

	for (gint64 i = 4; i > 0; i--)
		add(UUID, i * DAY);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "--kk");
	ck_assert_uint_eq(count_listed(), 4);
	ck_assert(vk_forget_apply(vault, plan, &refused, NULL));
	ck_assert_uint_eq(refused, 0);
	ck_assert_uint_eq(count_listed(), 2);
	/* Again: there is nothing left to forget, and what is forgotten does not count. */
	assert_planned("kk");
}
END_TEST

START_TEST(only_the_named)
{
	char *names[] = {(char[]){UUID}, (char[]){UUID}, NULL};
	char *unknown[] = {(char[]){"nobody"}, NULL};
	g_autoptr(GError) error = NULL;

	add(UUID, DAY);
	add(OTHER, DAY);
	g_autoptr(GPtrArray) plan = make_plan(names, NULL);
	ck_assert_uint_eq(plan->len, 1);
	ck_assert_str_eq(((VkForgetGuest *)g_ptr_array_index(plan, 0))->uuid, UUID);
	ck_assert_ptr_null(make_plan(unknown, &error));
	ck_assert_int_eq(error->code, VK_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_policy_that_keeps_nothing)
{
	g_autoptr(GError) error = NULL;

	add(UUID, DAY);
	configure("[retention]\nkeep_last = 0\n");
	ck_assert_ptr_null(make_plan(NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
}
END_TEST

START_TEST(pinned)
{
	for (gint64 i = 4; i > 0; i--)
		add(UUID, i * DAY);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert(vk_catalog_pin(vault, g_ptr_array_index(keys, 0), VK_PIN_FOR_GOOD, NULL, NULL));
	assert_planned("k-kk");
	ck_assert(vk_catalog_unpin(vault, g_ptr_array_index(keys, 0), NULL));
	assert_planned("--kk");
}
END_TEST

/* Pinned between the plan and its execution: the others are forgotten. */
START_TEST(pinned_meanwhile)
{
	guint refused;

	for (gint64 i = 4; i > 0; i--)
		add(UUID, i * DAY);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	ck_assert(vk_catalog_pin(vault, g_ptr_array_index(keys, 0), VK_PIN_FOR_GOOD, NULL, NULL));
	ck_assert(vk_forget_apply(vault, plan, &refused, NULL));
	ck_assert_uint_eq(refused, 1);
	assert_plan(plan, "k-kk");
	ck_assert_uint_eq(count_listed(), 3);
}
END_TEST

START_TEST(date_disagrees_with_the_store)
{
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) forged = new_snapshot(session, UUID, 5 * DAY);
	g_autoptr(VkSnapshot) late = new_snapshot(session, UUID, 2 * DAY + 60);

	commit(session, forged, now());
	vk_session_free(session);
	add(UUID, 4 * DAY);
	add(UUID, 3 * DAY);
	session = vk_session_new(vault, 1, NULL);
	/* A backup that took most of a day. */
	commit(session, late, now() - 1 * DAY - 120);
	vk_session_free(session);
	add(UUID, 2 * DAY);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "k-k-k");
	ck_assert_str_eq(first_reason(plan, 0), "its date disagrees with the vault's by 5 days");
}
END_TEST

/* The newest that has all its disks stays, though newer ones have all places. */
START_TEST(last_good)
{
	VkSession *session = vk_session_new(vault, 1, NULL);

	add(UUID, 5 * DAY);
	add(UUID, 4 * DAY);
	for (gint64 i = 3; i > 0; i--) {
		g_autoptr(VkSnapshot) snapshot = new_snapshot(session, UUID, i * DAY);

		snapshot->incomplete = TRUE;
		commit(session, snapshot, now() - i * DAY);
	}
	vk_session_free(session);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "-k-kk");
	ck_assert_str_eq(first_reason(plan, 1), "newest good snapshot of the guest");
}
END_TEST

START_TEST(what_cannot_be_read)
{
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) damaged = new_snapshot(session, UUID, DAY);
	g_autofree char *path = NULL;

	for (gint64 i = 4; i > 1; i--)
		add(UUID, i * DAY);
	commit(session, damaged, now() - DAY);
	vk_session_free(session);
	path = object_path(damaged);
	ck_assert_int_eq(g_chmod(path, 0600), 0);
	ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	/* It takes no place from those that can be read. */
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "-kkk");
	ck_assert(g_str_has_prefix(first_reason(plan, 3), "it cannot be read"));
}
END_TEST

static gboolean identify_by_name(VkStore *store, const char *name, guint64 *ret_identity)
{
	*ret_identity = g_str_hash(name);
	return TRUE;
}

/* The cache still takes the newest for good, but its bytes rotted. */
START_TEST(the_last_good_one_is_read_anew)
{
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) damaged = new_snapshot(session, UUID, DAY);
	g_autofree char *cache = g_build_filename(directory, "cache", NULL);
	const VkStoreOps *plain = vault->store->ops;
	const struct timespec times[2] = {{.tv_sec = now() - DAY}, {.tv_sec = now() - DAY}};
	VkStoreOps ops = *plain;
	g_autofree char *path = NULL;

	add(UUID, 3 * DAY);
	add(UUID, 2 * DAY);
	commit(session, damaged, now() - DAY);
	vk_session_free(session);
	vk_vault_set_cache_directory(vault, cache);
	ops.identify = identify_by_name;
	vault->store->ops = &ops;
	assert_planned("-kk");
	path = object_path(damaged);
	ck_assert_int_eq(g_chmod(path, 0600), 0);
	ck_assert(g_file_set_contents(path, "{}", -1, NULL));
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_planned("kkk");
	vault->store->ops = plain;
}
END_TEST

START_TEST(gone)
{
	configure("[retention]\nkeep_last = 1\nkeep_gone = 10d\n");
	add(OTHER, 12 * DAY);
	add(OTHER, 9 * DAY);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "kk");
	ck_assert(((VkForgetGuest *)g_ptr_array_index(plan, 0))->is_gone);
	configure("[retention]\nkeep_last = 1\nkeep_gone = 8d\n");
	assert_planned("--");
	/* Nobody can say that it is gone, or it was elsewhere. */
	VkPresence *known = g_steal_pointer(&presence);
	assert_planned("-k");
	vk_presence_free(known);
	presence = vk_presence_new("kvm2", (const char *const[]){NULL});
	assert_planned("-k");
}
END_TEST

static void assert_planned_by(const char *job, const char *expected)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) plan = make_plan_of(job, NULL, &error);

	ck_assert_msg(plan != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(plan->len, 1);
	assert_plan(plan, expected);
}

/* Each job counts its own snapshots, and what no job took is left to the rules of the guest. */
START_TEST(rules_of_jobs)
{
	static const char rules[] = "[retention]\nkeep_last = 1\n[job hourly]\nkeep_last = 2\n"
				    "[job nightly]\nlabel = daily\nkeep_last = 1\n"
				    "[job plain]\n[job no-last]\nkeep_last = 1\n";

	configure(rules);
	add_labelled(UUID, 9 * DAY, "hourly");
	add_labelled(UUID, 8 * DAY, "daily");
	add_labelled(UUID, 7 * DAY, "plain");
	add_labelled(UUID, 6 * DAY, "hourly");
	add_labelled(UUID, 5 * DAY, "daily");
	add(UUID, 4 * DAY);
	add_labelled(UUID, 3 * DAY, "hourly");
	add(UUID, 2 * DAY);
	assert_planned("---kk-kk");
	assert_planned_by("hourly", "-kkkkkkk");
	assert_planned_by("nightly", "k-kkkkkk");
	assert_planned_by("no-last", "kkkkkkkk");
	/* Without a policy for the rest, the job's still counts. */
	configure("[job hourly]\nkeep_last = 1\n");
	assert_planned_by("hourly", "-kk-kkkk");
	configure("[job hourly]\nkeep_within = 4d\n");
	assert_planned_by("hourly", "-kkkkkkk");
	g_autoptr(GPtrArray) plan = make_plan_of("hourly", NULL, NULL);
	ck_assert_str_eq(first_reason(plan, 1), "the job 'hourly' did not take it");
}
END_TEST

START_TEST(a_job_is_for_the_guests_of_the_host)
{
	g_autoptr(GPtrArray) plan = NULL;

	configure("[job hourly]\nkeep_last = 1\n");
	add_labelled(OTHER, 3 * DAY, "hourly");
	add_labelled(OTHER, 2 * DAY, "hourly");
	plan = make_plan_of("hourly", NULL, NULL);
	ck_assert_uint_eq(plan->len, 0);
}
END_TEST

/* Only the job itself knows whether its snapshots are in the other vault. */
START_TEST(what_a_job_replicates_is_left_to_it)
{
	configure("[retention]\nkeep_last = 1\nkeep_gone = 1d\n[vault other]\n"
		  "[job nightly]\nkeep_last = 1\nreplicate = other\n"
		  "[job plain]\nreplicate = other\n");
	for (gint64 i = 6; i > 3; i--)
		add_labelled(UUID, i * DAY, "nightly");
	add_labelled(UUID, 3 * DAY, "plain");
	add(UUID, 2 * DAY);
	assert_planned("kkk-k");
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	ck_assert_str_eq(first_reason(plan, 0),
			 "the job 'nightly' forgets it after its replication");
	assert_planned_by("nightly", "--kkk");
	/* A guest that is gone is no job's any more. */
	vk_presence_free(presence);
	presence = vk_presence_new("kvm1", (const char *const[]){NULL});
	assert_planned("-----");
}
END_TEST

START_TEST(jobs_that_contradict_each_other)
{
	g_autoptr(GError) error = NULL;

	configure("[retention]\nkeep_last = 1\n[job a]\nlabel = x\nkeep_last = 1\n"
		  "[job b]\nlabel = x\nkeep_last = 9\n");
	add(UUID, DAY);
	assert_planned("k");
	add_labelled(UUID, 2 * DAY, "x");
	ck_assert_ptr_null(make_plan(NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	g_clear_error(&error);
	ck_assert_ptr_null(make_plan_of("b", NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
	/* A job without rules takes no part in that. */
	configure("[retention]\nkeep_last = 1\n[job a]\nlabel = x\nkeep_last = 1\n"
		  "[job b]\nlabel = x\n");
	assert_planned("kk");
	/* Nothing to keep is no policy. */
	g_clear_error(&error);
	configure("[job x]\nkeep_last = 0\n");
	ck_assert_ptr_null(make_plan_of("x", NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_USAGE);
}
END_TEST

/* An array's snapshot is for the array's rules, and does not stand for one in the vault. */
START_TEST(on_arrays)
{
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autofree char *time = vk_time_format(now() - DAY);
	json_t *copy = json_pack("{s:s, s:[]}", "array", "elsewhere", "layers");
	g_autoptr(VkSnapshot) alone = make_snapshot(
		UUID, time, vk_image_record_new_on_array(SIZE, SIZE, json_incref(copy)));
	g_autoptr(VkSnapshot) both = new_snapshot(session, UUID, 5 * DAY);
	VkDiskRecord *disk = g_ptr_array_index(both->disks, 0);

	disk->image->array = copy;
	commit(session, both, now() - 5 * DAY);
	add(UUID, 4 * DAY);
	add(UUID, 3 * DAY);
	add(UUID, 2 * DAY);
	commit(session, alone, now() - DAY);
	vk_session_free(session);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "k-kkk");
	ck_assert(g_str_has_prefix(first_reason(plan, 0), "an array may still have it: "));
	ck_assert(g_str_has_prefix(first_reason(plan, 4), "it is on an array alone"));
}
END_TEST

/* A snapshot goes when its last copy goes. */
START_TEST(an_array_still_has_it)
{
	g_autofree char *place =
		g_build_filename(directory, "images", ".virtkeep", "v", "g", "0", NULL);
	g_autofree char *path = g_build_filename(place, "image", NULL);
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSnapshot) both = new_snapshot(session, UUID, 4 * DAY);
	VkDiskRecord *disk = g_ptr_array_index(both->disks, 0);

	disk->image->array =
		json_pack("{s:s, s:[{s:s, s:s, s:s, s:i, s:i, s:i, s:i}]}", "array", "reflink",
			  "layers", "path", path, "format", "raw", "of", "/images/guest.raw",
			  "inode", 1, "size", SIZE, "mtime_ns", 1, "allocated", SIZE);
	ck_assert_int_eq(g_mkdir_with_parents(place, 0700), 0);
	ck_assert(g_file_set_contents(path, "", 0, NULL));
	ck_assert_int_eq(truncate(path, SIZE), 0);
	commit(session, both, now() - 4 * DAY);
	vk_session_free(session);
	for (gint64 i = 3; i > 0; i--)
		add(UUID, i * DAY);
	g_autoptr(GPtrArray) plan = make_plan(NULL, NULL);
	assert_plan(plan, "k-kk");
	ck_assert_str_eq(first_reason(plan, 0), "an array still has it");
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert_int_eq(g_rmdir(place), 0);
	assert_planned("--kk");
}
END_TEST

START_TEST(names_are_found)
{
	g_autoptr(GError) error = NULL;
	char *twice[] = {(char[]){UUID "@latest"}, (char[]){UUID "@-0"}, NULL};
	char *bad[] = {(char[]){UUID "@latest"}, (char[]){UUID "@20010101T000000Z"}, NULL};
	char *exact[] = {NULL, NULL};

	add(UUID, 2 * DAY);
	add(UUID, DAY);
	g_autoptr(GPtrArray) found = vk_named_snapshots_find(vault, twice, &error);
	ck_assert_msg(found != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(found->len, 1);
	const VkNamedSnapshot *newest = g_ptr_array_index(found, 0);
	exact[0] = newest->name;
	ck_assert_ptr_null(vk_named_snapshots_find(vault, bad, NULL));
	ck_assert(vk_catalog_forget(vault, newest->key, NULL, NULL));
	/* The latest is the newest that is listed; by its time a forgotten one is found, too. */
	g_autoptr(GPtrArray) next = vk_named_snapshots_find(vault, twice, NULL);
	ck_assert_str_ne(((VkNamedSnapshot *)g_ptr_array_index(next, 0))->name, newest->name);
	g_autoptr(GPtrArray) again = vk_named_snapshots_find(vault, exact, NULL);
	ck_assert(((VkNamedSnapshot *)g_ptr_array_index(again, 0))->key->forgotten);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forget-plan");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, plan_changes_nothing_and_apply_forgets);
	tcase_add_test(cases, only_the_named);
	tcase_add_test(cases, a_policy_that_keeps_nothing);
	tcase_add_test(cases, pinned);
	tcase_add_test(cases, pinned_meanwhile);
	tcase_add_test(cases, date_disagrees_with_the_store);
	tcase_add_test(cases, last_good);
	tcase_add_test(cases, what_cannot_be_read);
	tcase_add_test(cases, the_last_good_one_is_read_anew);
	tcase_add_test(cases, gone);
	tcase_add_test(cases, rules_of_jobs);
	tcase_add_test(cases, a_job_is_for_the_guests_of_the_host);
	tcase_add_test(cases, what_a_job_replicates_is_left_to_it);
	tcase_add_test(cases, jobs_that_contradict_each_other);
	tcase_add_test(cases, on_arrays);
	tcase_add_test(cases, an_array_still_has_it);
	tcase_add_test(cases, names_are_found);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
