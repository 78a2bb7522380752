/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backup whose N-th I/O call fails, or at whose N-th I/O call the process is killed, for every N.
 * After each, earlier snapshots read as they were, the interrupted one is whole or not there, and
 * the next backup works and leaves no temporary file.
 */
#include "catalog.h"
#include "damages.h"
#include "faults.h"
#include "memory-source.h"
#include "session.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"

/* A backup as the job does it: open, find the parent, save, commit. Small: one worker. */
static gboolean back_up(const char *directory, MemSource *source, GError **error)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, error);
	g_autoptr(VkSession) session = vault ? vk_session_new(vault, 1, error) : NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkSnapshot) parent = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *record;

	if (!session)
		return FALSE;
	parent = vk_catalog_find(vault, UUID, NULL);
	record = vk_session_save(session, &source->base,
				 parent ? ((VkDiskRecord *)parent->disks->pdata[0])->image : NULL,
				 &stats, NULL, error);
	if (!record)
		return FALSE;
	snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	return vk_session_commit(session, snapshot, error);
}

static gboolean image_equals(VkVault *vault, const VkSnapshot *snapshot, const MemSource *model)
{
	g_autoptr(VkImage) image = vk_vault_image_open(
		vault, ((VkDiskRecord *)snapshot->disks->pdata[0])->image, NULL);
	g_autofree guint8 *bytes = g_malloc(model->base.size);

	return image->size == model->base.size &&
	       vk_image_read(image, 0, bytes, model->base.size, NULL) &&
	       memcmp(bytes, model->bytes, model->base.size) == 0;
}

/* The vault lists the first N of the states, and each reads as it was. */
static void check_states(const char *directory, MemSource *const *states, guint n)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);
	g_autoptr(VkCheckResult) result = check_guests(vault, NULL, TRUE, NULL);
	g_autofree char *first = first_damage(result);

	ck_assert_uint_eq(keys->len, n);
	for (guint i = 0; i < n; i++) {
		g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, keys->pdata[i], NULL);

		ck_assert(image_equals(vault, snapshot, states[i]));
	}
	ck_assert_msg(result->errors->len == 0, "%s", first);
}

static guint count_objects(const char *directory, const char *folder)
{
	g_autofree char *path = g_build_filename(directory, folder, NULL);
	GDir *dir = g_dir_open(path, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(dir))
		n++;
	g_dir_close(dir);
	return n;
}

static guint count_snapshots(const char *directory)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, UUID, NULL);

	return keys->len;
}

typedef struct Backup {
	const char *directory;
	MemSource *source;
} Backup;

static gboolean run_backup(gpointer data)
{
	const Backup *backup = data;

	return back_up(backup->directory, backup->source, NULL);
}

/*
 * STATES[0] is in the vault; each round tries STATES[1] with a fault, then for sure, in a vault of
 * its own. Returns whether the fault came at all.
 */
static gboolean try_fault(Fault kind, int call, int errno_value, MemSource *const *states)
{
	g_autofree char *directory = temp_directory_new();
	g_autoptr(VkVault) vault = vk_vault_init(directory, NULL);
	g_autoptr(GError) error = NULL;
	gboolean happened;
	guint listed;

	ck_assert(back_up(directory, states[0], NULL));
	if (kind == KILL) {
		Backup backup = {directory, states[1]};
		gboolean done;

		happened = meets_fault(KILL, call, 0, run_backup, &backup, &done);
	} else {
		gboolean ok;

		arm(kind, call, errno_value);
		ok = back_up(directory, states[1], &error);
		disarm();
		happened = fault_happened();
		ck_assert(ok || error != NULL);
		listed = count_snapshots(directory);
		/*
		 * What was called done is there; what failed is not, unless even its removal
		 * failed: then it is whole.
		 */
		ck_assert_uint_eq(listed, ok || (kind == FAIL_FROM_THEN_ON && listed == 2) ? 2 : 1);
		if (kind == FAIL_ONCE)
			ck_assert_uint_eq(count_objects(directory, "tmp"), 0);
	}
	listed = count_snapshots(directory);
	ck_assert(listed == 1 || listed == 2);
	check_states(directory, states, listed);
	if (listed == 1)
		ck_assert(back_up(directory, states[1], NULL));
	check_states(directory, states, 2);
	ck_assert(back_up(directory, states[2], NULL));
	check_states(directory, states, 3);
	ck_assert_uint_eq(count_objects(directory, "tmp"), 0);
	if (kind == KILL)
		ck_assert_uint_eq(count_objects(directory, "leases"), 0);
	temp_directory_remove(directory);
	return happened;
}

static void try_all(Fault kind, int errno_value)
{
	GRand *random = g_rand_new_with_seed(test_seed());
	MemSource *states[3];
	int call = 0;

	states[0] = mem_source_new(30 * 65536 + 512);
	mem_source_scribble(states[0], random, 20, 40);
	for (guint i = 1; i < G_N_ELEMENTS(states); i++) {
		states[i] = mem_source_resized(states[i - 1], states[i - 1]->base.size);
		mem_source_scribble(states[i], random, 10, 10);
	}
	while (try_fault(kind, call, errno_value, states))
		call++;
	/* The loop went through all calls of a backup, not just through its first. */
	ck_assert_int_gt(call, 25);
	printf("%d calls\n", call);
	for (guint i = 0; i < G_N_ELEMENTS(states); i++)
		vk_source_free(&states[i]->base);
	g_rand_free(random);
}

START_TEST(every_call_fails_once)
{
	try_all(FAIL_ONCE, EIO);
}
END_TEST

START_TEST(from_every_call_on_all_fail)
{
	try_all(FAIL_FROM_THEN_ON, ENOSPC);
}
END_TEST

START_TEST(killed_at_every_call)
{
	try_all(KILL, 0);
}
END_TEST

static gboolean run_init(gpointer directory)
{
	vk_vault_free(vk_vault_init(directory, NULL));
	return TRUE;
}

/* The next init completes it, or it is a vault already. */
START_TEST(an_init_killed_at_any_call_is_completed)
{
	MemSource *source = mem_source_new(65536);
	gboolean killed = TRUE, done;
	int call = 0;

	for (; killed; call++) {
		g_autofree char *top = temp_directory_new();
		g_autofree char *directory = g_build_filename(top, "a/b", NULL);
		g_autoptr(VkVault) vault = NULL;
		g_autoptr(GError) error = NULL;

		killed = meets_fault(KILL, call, 0, run_init, directory, &done);
		vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
		if (!vault)
			vault = vk_vault_init(directory, &error);
		ck_assert_msg(vault, "call %d: %s", call, error ? error->message : "");
		ck_assert(back_up(directory, source, NULL));
		temp_directory_remove(top);
	}
	ck_assert_int_gt(call, 15);
	vk_source_free(&source->base);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tcase = tcase_create("commit");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, every_call_fails_once);
	tcase_add_test(tcase, from_every_call_on_all_fail);
	tcase_add_test(tcase, killed_at_every_call);
	tcase_add_test(tcase, an_init_killed_at_any_call_is_completed);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
