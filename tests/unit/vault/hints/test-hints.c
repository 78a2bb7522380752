/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-priv.h"

#include "pack-table.h"
#include "session.h"
#include "vault-parts.h"

#include "hint-keys.h"
#include "memory-source.h"
#include "vault-dir.h"

#include "io.h"

#include <check.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS  20000
#define PACKS 50

static VkHints *open_hints(const VkVault *vault)
{
	VkHintsPlace place = vk_vault_hints_place(vault);

	return vk_hints_open(&place, NULL);
}

static VkHints *open_hints_sized(const VkVault *vault, guint memory_entries)
{
	VkHintsPlace place = vk_vault_hints_place(vault);

	return vk_hints_open_sized(&place, memory_entries, NULL);
}

/* The slot of every key as the model has it; -1: none. */
typedef struct {
	gint32 slots[KEYS];
} Model;

static void model_init(Model *model)
{
	for (guint32 i = 0; i < KEYS; i++)
		model->slots[i] = -1;
}

static void add(VkHints *hints, Model *model, guint32 key, guint32 slot)
{
	VkBlockId id = id_of(key);
	VkPackId pack = pack_of((key + slot) % PACKS);

	vk_hints_add(hints, &id, &pack, slot);
	model->slots[key] = (gint32)slot;
}

/* One assertion for all: Check writes each one into a pipe. */
static void check_all(VkHints *hints, const Model *model)
{
	guint wrong = 0;

	for (guint32 key = 0; key < KEYS; key++) {
		VkBlockId id = id_of(key);
		VkPackId pack, expected;
		guint32 slot;
		gboolean found = vk_hints_lookup(hints, &id, &pack, &slot);

		if (found) {
			expected = pack_of((key + slot) % PACKS);
			wrong += slot != (guint32)model->slots[key] ||
				 memcmp(&pack, &expected, sizeof(pack)) != 0;
		} else {
			wrong += model->slots[key] >= 0;
		}
	}
	ck_assert_uint_eq(wrong, 0);
}

static guint count_files(VkVault *vault)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);

	ck_assert_ptr_nonnull(names);
	return names->len;
}

/* Sessions of random sizes that add and change hints, with and without a commit. */
START_TEST(sessions_follow_a_model)
{
	guint32 seed = test_seed();
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	g_autofree Model *model = g_new(Model, 1);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);

	model_init(model);
	for (guint session = 0; session < 40; session++) {
		g_autoptr(VkHints) hints =
			open_hints_sized(vault, 1u << g_rand_int_range(rand, 4, 12));
		guint count = 1u << g_rand_int_range(rand, 0, 12);

		ck_assert_ptr_nonnull(hints);
		for (guint i = 0; i < count; i++)
			add(hints, model, (guint32)g_rand_int_range(rand, 0, KEYS),
			    (guint32)g_rand_int_range(rand, 0, VK_SLOTS_MAX));
		ck_assert(vk_hints_commit(hints, NULL));
		ck_assert(vk_hints_commit(hints, NULL));
		if (session % 8 == 7)
			check_all(hints, model);
		ck_assert_uint_le(count_files(vault), 12);
	}
	g_autoptr(VkHints) hints = open_hints(vault);
	check_all(hints, model);
	vault_dir_clear(&dir);
}
END_TEST

static guint64 size_of_files(VkVault *vault)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) names = store->ops->list(store, "hints", NULL);
	guint64 total = 0, size;

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *name = g_build_filename("hints", names->pdata[i], NULL);

		ck_assert(store->ops->head(store, name, &size, NULL, NULL));
		total += size;
	}
	return total;
}

/* Each of them merges the same files, and the next ones merge both results. */
START_TEST(sessions_at_once_repeat_no_pack)
{
	g_autofree Model *model = g_new(Model, 1);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);

	model_init(model);
	for (guint round = 0; round < 40; round++) {
		g_autoptr(VkHints) one = open_hints(vault);
		g_autoptr(VkHints) two = open_hints(vault);

		add(one, model, 2 * round, round);
		add(two, model, 2 * round + 1, round);
		ck_assert(vk_hints_commit(one, NULL));
		ck_assert(vk_hints_commit(two, NULL));
	}
	ck_assert_uint_le(size_of_files(vault), 20000);
	g_autoptr(VkHints) hints = open_hints(vault);
	check_all(hints, model);
	vault_dir_clear(&dir);
}
END_TEST

START_TEST(uncommitted_hints_are_lost)
{
	g_autofree Model *model = g_new(Model, 1);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	g_autoptr(VkHints) first = open_hints(vault);
	g_autoptr(VkHints) second = NULL;

	model_init(model);
	add(first, model, 1, 1);
	check_all(first, model);
	second = open_hints(vault);
	model_init(model);
	check_all(second, model);
	ck_assert_uint_eq(count_files(vault), 0);
	vault_dir_clear(&dir);
}
END_TEST

/* More than memory takes: three levels of spilled files, then one file of the vault. */
START_TEST(many_hints_spill)
{
	const guint32 total = 75 * 1024 + 17;
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	g_autoptr(VkHints) hints = open_hints_sized(vault, 1024);
	VkPackId pack;
	guint32 slot;

	for (guint round = 0; round < 2; round++) {
		for (guint32 key = 0; round == 0 && key < total; key++) {
			VkBlockId id = id_of(key);

			pack = pack_of(key % 1000);
			vk_hints_add(hints, &id, &pack, key % VK_SLOTS_MAX);
		}
		for (guint32 key = 0; key < total; key += 1009) {
			VkBlockId id = id_of(key);
			VkPackId expected = pack_of(key % 1000);

			ck_assert(vk_hints_lookup(hints, &id, &pack, &slot));
			ck_assert_uint_eq(slot, key % VK_SLOTS_MAX);
			ck_assert_mem_eq(&pack, &expected, sizeof(pack));
		}
		ck_assert(vk_hints_commit(hints, NULL));
		ck_assert_uint_eq(count_files(vault), 1);
	}
	vault_dir_clear(&dir);
}
END_TEST

/* Whatever is wrong with a file, it goes, and nothing is found by it. */
static void damage_and_reopen(gsize offset, gboolean cut)
{
	g_autofree Model *model = g_new(Model, 1);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	g_autoptr(VkHints) hints = open_hints(vault);
	g_autoptr(GPtrArray) names = NULL;
	g_autofree char *path = NULL, *content = NULL;
	gsize length;

	model_init(model);
	for (guint32 key = 0; key < 100; key++)
		add(hints, model, key, key);
	ck_assert(vk_hints_commit(hints, NULL));
	g_clear_pointer(&hints, vk_hints_free);
	names = vault->store->ops->list(vault->store, "hints", NULL);
	path = g_build_filename(vk_vault_directory(vault), "hints", names->pdata[0], NULL);
	ck_assert(g_file_get_contents(path, &content, &length, NULL));
	if (cut)
		length = offset;
	else
		content[offset] ^= 0x10;
	ck_assert(g_file_set_contents(path, content, (gssize)length, NULL));
	hints = open_hints(vault);
	ck_assert_ptr_nonnull(hints);
	model_init(model);
	check_all(hints, model);
	ck_assert_uint_eq(count_files(vault), 0);
	vault_dir_clear(&dir);
}

START_TEST(damaged_files_are_removed)
{
	for (gsize offset = 0; offset < sizeof(VkHintHeader) + sizeof(VkPackId); offset += 13)
		damage_and_reopen(offset, FALSE);
	damage_and_reopen(0, TRUE);
	damage_and_reopen(63, TRUE);
	damage_and_reopen(100, TRUE);
	damage_and_reopen(sizeof(VkHintHeader) + 50 * sizeof(VkPackId) + 40, TRUE);
}
END_TEST

/* Saves the same image again. Returns how many bytes were taken as new. */
static guint64 save_again(VkVault *vault, MemSource *source)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkImageRecord) image = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	VkSaveStats stats = {0};

	ck_assert_ptr_nonnull(session);
	image = vk_session_save(session, &source->base, NULL, &stats, NULL, NULL);
	ck_assert_ptr_nonnull(image);
	snapshot = make_snapshot("5f0c7c5e-9a2b-4b7e-8a53-0d1f6f0e7a11", "20261122T201405Z",
				 g_steal_pointer(&image));
	ck_assert(vk_session_commit(session, snapshot, NULL));
	return stats.fresh;
}

/* Whether all hints are gone or damaged, what is stored is found again. */
START_TEST(hints_are_rebuilt_from_the_packs)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());
	MemSource *source = mem_source_new(2 << 20);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);

	mem_source_scribble(source, random, 20, 64);
	ck_assert_uint_gt(save_again(vault, source), 0);
	for (guint round = 0; round < 2; round++) {
		g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);
		g_autofree char *path = NULL;

		ck_assert_uint_ge(names->len, 1);
		for (guint i = 0; i < names->len; i++) {
			g_free(path);
			path = g_build_filename(vk_vault_directory(vault), "hints", names->pdata[i],
						NULL);
			if (round == 0)
				ck_assert_int_eq(g_unlink(path), 0);
			else
				ck_assert(g_file_set_contents(path, "VKHINT", -1, NULL));
		}
		ck_assert_uint_eq(save_again(vault, source), 0);
	}
	vk_source_free(&source->base);
	vault_dir_clear(&dir);
}
END_TEST

static VkIo real;
static gboolean hints_unreadable;

/* As of a disk that is bad below the hints. */
static ssize_t faulty_pread(int fd, void *buf, size_t length, off_t offset)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_file_read_link(link, NULL);

	if (hints_unreadable && path && strstr(path, "/hints/")) {
		errno = EIO;
		return -1;
	}
	return real.pread(fd, buf, length, offset);
}

typedef enum { CUT, CUT_TO_NOTHING, UNREADABLE } Harm;

static void harm_hints(VkVault *vault, Harm harm)
{
	g_autoptr(GPtrArray) names = vault->store->ops->list(vault->store, "hints", NULL);

	ck_assert_uint_ge(names->len, 1);
	hints_unreadable = harm == UNREADABLE;
	for (guint i = 0; i < names->len && harm != UNREADABLE; i++) {
		g_autofree char *path =
			g_build_filename(vk_vault_directory(vault), "hints", names->pdata[i], NULL);

		ck_assert_int_eq(truncate(path, harm == CUT ? sizeof(VkHintHeader) + 20 : 0), 0);
	}
}

/* While a session has them open, or before. The next one finds everything again. */
START_TEST(harmed_hints_end_no_session)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());
	gboolean while_open = _i % 2 == 1;
	MemSource *source = mem_source_new(2 << 20);
	MemSource *other = mem_source_new(2 << 20);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	VkSession *session = NULL;

	real = vk_io;
	vk_io.pread = faulty_pread;
	mem_source_scribble(source, random, 20, 64);
	mem_source_scribble(other, random, 20, 64);
	save_again(vault, source);
	if (while_open)
		session = vk_session_new(vault, 1, NULL); /* shares the hints with those below */
	harm_hints(vault, (Harm)(_i / 2));
	save_again(vault, source);
	save_again(vault, other);
	vk_session_free(session);
	hints_unreadable = FALSE;
	ck_assert_uint_eq(save_again(vault, source), 0);
	ck_assert_uint_eq(save_again(vault, other), 0);
	vk_io = real;
	vk_source_free(&source->base);
	vk_source_free(&other->base);
	vault_dir_clear(&dir);
}
END_TEST

/* Found while an older file is merged, which nothing was looked up in. */
START_TEST(a_file_cut_before_the_merge_is_made_anew)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());
	MemSource *source = mem_source_new(2 << 20);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	g_autoptr(VkHints) hints = NULL;
	g_autofree Model *model = g_new(Model, 1);

	model_init(model);
	mem_source_scribble(source, random, 20, 64);
	save_again(vault, source);
	hints = open_hints(vault);
	harm_hints(vault, CUT);
	for (guint32 key = 0; key < 50; key++)
		add(hints, model, key, key);
	ck_assert(vk_hints_commit(hints, NULL));
	check_all(hints, model);
	g_clear_pointer(&hints, vk_hints_free);
	ck_assert_uint_eq(count_files(vault), 1);
	ck_assert_uint_eq(save_again(vault, source), 0);
	vk_source_free(&source->base);
	vault_dir_clear(&dir);
}
END_TEST

/* What lies in place of a file, and cannot be removed, or would be waited for. */
START_TEST(other_things_among_the_hints_are_no_matter)
{
	static const char name[] = "0123456789abcdef0123456789abcdef";
	g_autoptr(GRand) random = g_rand_new_with_seed(test_seed());
	MemSource *source = mem_source_new(2 << 20);
	VaultDir dir;
	VkVault *vault = vault_dir_new(&dir);
	g_autofree char *path = g_build_filename(dir.path, "vault/hints", name, NULL);

	mem_source_scribble(source, random, 20, 64);
	save_again(vault, source);
	switch (_i) {
	case 0:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		break;
	case 1:
		ck_assert_int_eq(symlink("/dev/zero", path), 0);
		break;
	default:
		path[strlen(path) - 1] = '\0'; /* a folder is listed with a slash */
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	ck_assert_uint_eq(save_again(vault, source), 0);
	vk_source_free(&source->base);
	vault_dir_clear(&dir);
}
END_TEST

static Suite *hints_suite(void)
{
	Suite *suite = suite_create("hints");
	TCase *cases = tcase_create("hints");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, sessions_follow_a_model);
	tcase_add_test(cases, sessions_at_once_repeat_no_pack);
	tcase_add_test(cases, uncommitted_hints_are_lost);
	tcase_add_test(cases, many_hints_spill);
	tcase_add_test(cases, damaged_files_are_removed);
	tcase_add_test(cases, hints_are_rebuilt_from_the_packs);
	tcase_add_loop_test(cases, harmed_hints_end_no_session, 0, 6);
	tcase_add_test(cases, a_file_cut_before_the_merge_is_made_anew);
	tcase_add_loop_test(cases, other_things_among_the_hints_are_no_matter, 0, 3);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(hints_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
