/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A repair looks in one place after the other, and says what it did not find. */
#include "repair.h"

#include "array-drivers.h"
#include "heal-bed.h"
#include "log.h"
#include "pack-name.h"
#include "replicate.h"
#include "session.h"
#include "settings.h"
#include "vault-parts.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* FALSE: it failed. */
static gboolean repair(const VkRepairOptions *options, guint healed, guint missing)
{
	VkRepairResult result;
	GError *error = NULL;
	gboolean done = vk_repair(vault, options, &result, &error);

	ck_assert_uint_eq(result.healed, healed);
	ck_assert_uint_eq(result.missing->len, missing);
	ck_assert(done == !error);
	g_clear_error(&error);
	vk_repair_result_clear(&result);
	return done;
}

/* COUNT blocks of the source from FIRST on, as a file. New string. */
static char *write_blocks(const char *name, guint first, guint count)
{
	char *path = g_strdup_printf("%s-%s", directory, name);

	ck_assert(g_file_set_contents(path, (char *)source->bytes + (gsize)first * VK_BLOCK_SIZE,
				      (gssize)count * VK_BLOCK_SIZE, NULL));
	return path;
}

static void expect_healed(void)
{
	reopen();
	check_image(vault, image_of(old), source);
}

START_TEST(nothing_is_known_to_be_damaged)
{
	const VkRepairOptions options = {0};

	prepare_sound();
	ck_assert(repair(&options, 0, 0));
	finish();
}
END_TEST

START_TEST(without_a_place_to_look_in_all_stays_damaged)
{
	const VkRepairOptions options = {0};

	prepare();
	ck_assert(repair(&options, 0, 2));
	finish();
}
END_TEST

START_TEST(a_copy_of_the_vault_heals)
{
	g_autoptr(GPtrArray) vaults = g_ptr_array_new_with_free_func((GDestroyNotify)vk_vault_free);
	VkRepairOptions options = {.vaults = vaults, .dry_run = TRUE};

	prepare();
	g_ptr_array_add(vaults, vk_vault_open(copy, VK_VAULT_READ, NULL));
	ck_assert(repair(&options, 2, 0));
	ck_assert_uint_eq(count_generations(), 1);
	options.dry_run = FALSE;
	ck_assert(repair(&options, 2, 0));
	expect_healed();
	ck_assert(repair(&options, 0, 0));
	finish();
}
END_TEST

/*
 * A vault that got the snapshot by a replication has it in packs of its own, sealed with another
 * key.
 */
START_TEST(a_replica_heals)
{
	g_autoptr(GPtrArray) vaults = g_ptr_array_new_with_free_func((GDestroyNotify)vk_vault_free);
	const VkRepairOptions options = {.vaults = vaults};
	g_autoptr(VkVault) sound = NULL;
	g_autofree char *path = NULL;
	const VkNewVault how = {
		.key = &(VkNewKey){.secret =
					   vk_secret_new("two\nlines, and 32 bytes or more\n", 33),
				   .label = "test"}};
	VkReplicateOptions all = {.since = G_MININT64, .workers = 1, .decrypt = TRUE};
	VkReplicateResult result;

	prepare();
	path = g_strconcat(directory, "-replica", NULL);
	sound = vk_vault_open(copy, VK_VAULT_READ, NULL);
	g_ptr_array_add(vaults, vk_vault_init_as(path, _i ? &how : &(VkNewVault){0}, NULL));
	ck_assert(vk_vault_replicate(sound, vaults->pdata[0], &all, &result, NULL));
	ck_assert_uint_eq(result.count[VK_REPLICA_SENT], 1);
	ck_assert(repair(&options, 2, 0));
	expect_healed();
	temp_directory_remove(path);
	finish();
}
END_TEST

/* The second image is not opened, because nothing is missing then. */
START_TEST(it_looks_no_further_than_it_must)
{
	g_autofree char *path = NULL;
	char nowhere[] = "/nowhere";
	char *images[] = {NULL, nowhere, NULL};
	const VkRepairOptions options = {.images = images};

	prepare();
	images[0] = path = write_blocks("image", FIRST, 2);
	ck_assert(repair(&options, 2, 0));
	expect_healed();
	g_unlink(path);
	finish();
}
END_TEST

START_TEST(what_was_healed_before_a_failure_stays)
{
	g_autofree char *path = NULL;
	char nowhere[] = "/nowhere";
	char *images[] = {NULL, nowhere, NULL};
	const VkRepairOptions options = {.images = images};

	prepare();
	images[0] = path = write_blocks("image", FIRST, 1);
	ck_assert(!repair(&options, 1, 1));
	reopen();
	ck_assert(reads(FIRST) && !reads(FIRST + 1));
	g_unlink(path);
	finish();
}
END_TEST

static json_t *describe_clone(const char *path)
{
	return json_pack("{s:s, s:[{s:s, s:s, s:s, s:i, s:I, s:i, s:i}]}", "array", "reflink",
			 "layers", "path", path, "format", "raw", "of", "/images/guest.raw",
			 "inode", 1, "size", (json_int_t)N_BLOCKS * VK_BLOCK_SIZE, "mtime_ns", 1,
			 "allocated", 4096);
}

/*
 * Lists a snapshot of another guest, whose blocks are in the vault and on an array: as a file of
 * COUNT blocks of the source, if there are any. Its name is its number.
 */
static void list_on_array(guint number, guint count)
{
	g_autofree char *name = g_strdup_printf("clones/.virtkeep/v/g/%u", number);
	g_autofree char *place = g_strdup_printf("%s-%s", directory, name);
	g_autofree char *uuid = g_strdup_printf("22222222-2222-3333-4444-%012u", number);
	g_autofree char *path = g_build_filename(place, "image", NULL);
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *other = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};
	VkImageRecord *record = save(session, other, NULL, &stats);

	record->array = describe_clone(path);
	snapshot = make_snapshot(uuid, "20260102T030405Z", record);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_source_free(&other->base);
	if (count == 0)
		return;
	ck_assert_int_eq(g_mkdir_with_parents(place, 0700), 0);
	ck_assert(g_file_set_contents(path, (char *)source->bytes, (gssize)count * VK_BLOCK_SIZE,
				      NULL));
	ck_assert_int_eq(truncate(path, (off_t)N_BLOCKS * VK_BLOCK_SIZE), 0);
}

/* The first copy is gone, the second one has one of both blocks. */
START_TEST(copies_on_arrays_heal)
{
	g_autoptr(VkSettings) settings = vk_settings_parse("", 0, "test", NULL);
	g_autoptr(VkArrays) arrays = vk_arrays_new(settings, vk_log_warning, NULL);
	g_autofree char *clones = g_strconcat(directory, "-clones", NULL);
	const VkRepairOptions options = {.arrays = arrays};

	prepare();
	list_on_array(1, 0);
	list_on_array(2, FIRST + 1);
	ck_assert(repair(&options, 1, 1));
	reopen();
	ck_assert(reads(FIRST) && !reads(FIRST + 1));
	list_on_array(3, N_BLOCKS);
	ck_assert(repair(&options, 1, 0));
	expect_healed();
	temp_directory_remove(clones);
	finish();
}
END_TEST

/* Where packs have parity, what healed them has it as well. */
START_TEST(a_patch_is_as_safe_as_other_packs)
{
	g_autoptr(GPtrArray) vaults = g_ptr_array_new_with_free_func((GDestroyNotify)vk_vault_free);
	const VkRepairOptions options = {.vaults = vaults};
	g_autoptr(GPtrArray) objects = NULL;

	prepare();
	g_ptr_array_add(vaults, vk_vault_open(copy, VK_VAULT_READ, NULL));
	ck_assert(repair(&options, 2, 0));
	objects = vk_pack_generations(vault->store, &damaged_pack, NULL);
	for (guint i = 0; i < objects->len; i++) {
		g_autofree char *path = test_vault_path(vault, objects->pdata[i]);
		g_autofree char *bytes = NULL;
		gsize length;

		if (g_str_has_suffix(path, ".0"))
			continue;
		ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
		bytes[sizeof(VkPackHeader) + sizeof(VkFrameHeader) + 100] ^= 1;
		ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	}
	reopen();
	ck_assert(reads(FIRST) == vault->context.parity);
	ck_assert(reads(FIRST + 1));
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, nothing_is_known_to_be_damaged);
	tcase_add_test(tcase, without_a_place_to_look_in_all_stays_damaged);
	tcase_add_test(tcase, a_copy_of_the_vault_heals);
	tcase_add_loop_test(tcase, a_replica_heals, 0, 2);
	tcase_add_test(tcase, it_looks_no_further_than_it_must);
	tcase_add_test(tcase, what_was_healed_before_a_failure_stays);
	tcase_add_test(tcase, copies_on_arrays_heal);
	tcase_add_test(tcase, a_patch_is_as_safe_as_other_packs);
}

int main(void)
{
	return run_image_tests("repair", add);
}
