/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and making vaults where something else lies, or lies in them. */
#include "vault.h"

#include "catalog.h"
#include "damages.h"
#include "session.h"

#include "errors.h"
#include "io.h"
#include "memory-source.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define UUID   "11111111-2222-3333-4444-555555555555"
#define OTHER  "99999999-2222-3333-4444-555555555555"
#define NOBODY 65534

static char *top, *directory;
static VkIo real;

static void setup(void)
{
	VkVault *vault;

	top = temp_directory_new();
	directory = g_build_filename(top, "vault", NULL);
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_free(vault);
	real = vk_io;
}

static void teardown(void)
{
	vk_io = real;
	temp_directory_remove(top);
	g_free(directory);
	g_free(top);
}

/* Saves a disk of one block whose bytes are all FILL, as of the guest UUID. */
static gboolean back_up_guest(const char *uuid, char fill, GError **error)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_WRITE, error);
	g_autoptr(VkSession) session = vault ? vk_session_new(vault, 1, error) : NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	MemSource *source = mem_source_new(65536);
	VkSaveStats stats = {0};
	VkImageRecord *record;

	memset(source->bytes, fill, source->base.size);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	record =
		session ? vk_session_save(session, &source->base, NULL, &stats, NULL, error) : NULL;
	vk_source_free(&source->base);
	if (!record)
		return FALSE;
	snapshot = make_snapshot(uuid, "20260102T030405Z", record);
	return vk_session_commit(session, snapshot, error);
}

static gboolean back_up(char fill, GError **error)
{
	return back_up_guest(UUID, fill, error);
}

/* The first file below FOLDER of the vault, at any depth. New string. */
static char *find_file(const char *folder)
{
	g_autofree char *path = g_build_filename(directory, folder, NULL);
	g_autofree char *below = NULL;

	for (;;) {
		g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
		const char *name = dir ? g_dir_read_name(dir) : NULL;

		if (!name)
			return g_steal_pointer(&path);
		below = g_build_filename(path, name, NULL);
		g_free(path);
		path = g_steal_pointer(&below);
	}
}

typedef enum { PIPE, LINK, SOCKET, THINGS } Thing;

static void put_in_place_of(const char *path, Thing thing)
{
	switch (thing) {
	case PIPE:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		break;
	case LINK:
		ck_assert_int_eq(symlink("/dev/zero", path), 0);
		break;
	case SOCKET:
		ck_assert_int_eq(mknod(path, S_IFSOCK | 0600, 0), 0);
		break;
	case THINGS:
		break;
	}
}

/* None of it waits: Check ends what does. */
START_TEST(what_is_no_file_is_told)
{
	static const char *const places[] = {"packs", "snaps"};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = NULL;
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *first = NULL;
	g_autofree char *path = NULL;

	ck_assert(back_up('a', NULL));
	path = find_file(places[_i / THINGS]);
	ck_assert_int_eq(g_unlink(path), 0);
	put_in_place_of(path, (Thing)(_i % THINGS));
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	result = check_guests(vault, NULL, TRUE, NULL);
	ck_assert_uint_ge(result->errors->len, 1);
	first = first_damage(result);
	ck_assert_msg(damage_says(result, 0, "not a regular file"), "%s", first);
	ck_assert(back_up('b', NULL));
}
END_TEST

START_TEST(a_description_that_is_no_file_is_told)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(g_unlink(path), 0);
	put_in_place_of(path, (Thing)_i);
	ck_assert_ptr_null(vk_vault_open(directory, VK_VAULT_READ, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
	ck_assert_ptr_nonnull(strstr(error->message, path));
	g_clear_error(&error);
	ck_assert_ptr_null(vk_vault_init(directory, &error));
	ck_assert_int_eq(error->code, VK_ERROR_EXISTS);
}
END_TEST

START_TEST(what_is_no_file_stays_in_tmp)
{
	g_autofree char *path = g_build_filename(directory, "tmp/thing", NULL);
	struct stat facts;

	put_in_place_of(path, (Thing)_i);
	ck_assert(back_up('a', NULL));
	ck_assert_int_eq(lstat(path, &facts), 0);
}
END_TEST

/* NFS makes a lock of the byte range of it, for which the file must be open for writing. */
static int flock_on_nfs(int fd, int operation)
{
	if ((operation & LOCK_EX) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return -1;
	}
	return flock(fd, operation);
}

START_TEST(stale_temporaries_go_on_nfs_too)
{
	g_autofree char *stale = g_build_filename(directory, "tmp/stale", NULL);
	g_autofree char *used = g_build_filename(directory, "tmp/used", NULL);
	int fd = open(used, O_RDWR | O_CREAT, 0600);

	ck_assert(g_file_set_contents(stale, "x", 1, NULL));
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	vk_io.flock = flock_on_nfs;
	ck_assert(back_up('a', NULL));
	ck_assert(!g_file_test(stale, G_FILE_TEST_EXISTS));
	ck_assert(g_file_test(used, G_FILE_TEST_EXISTS));
	close(fd);
}
END_TEST

/* The errors of one guest's snapshots. */
static guint count_errors(const char *uuid, gboolean data, guint expected_snapshots)
{
	g_autoptr(VkVault) vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	const char *const uuids[] = {uuid, NULL};
	g_autoptr(VkCheckResult) result = check_guests(vault, uuids, data, NULL);

	ck_assert_uint_eq(result->snapshots, expected_snapshots);
	ck_assert_uint_eq(result->packs, expected_snapshots);
	return result->errors->len;
}

START_TEST(one_guest_is_checked_alone)
{
	g_autofree char *pack = NULL;
	g_autofree char *bytes = NULL;
	gsize length;

	ck_assert(back_up_guest(UUID, 'a', NULL));
	pack = find_file("packs");
	ck_assert(back_up_guest(OTHER, 'b', NULL));
	ck_assert(back_up_guest(OTHER, 'c', NULL));
	ck_assert(g_file_get_contents(pack, &bytes, &length, NULL));
	bytes[sizeof(VkPackHeader) + sizeof(VkFrameHeader) + 2] ^= 1; /* of the block */
	ck_assert(g_file_set_contents(pack, bytes, (gssize)length, NULL));
	ck_assert_uint_eq(count_errors(OTHER, TRUE, 2), 0);
	ck_assert_uint_gt(count_errors(UUID, TRUE, 1), 0);
}
END_TEST

static int give_away(const char *path, const struct stat *facts, int type, struct FTW *position)
{
	return chown(path, NOBODY, NOBODY);
}

START_TEST(an_unwritable_vault_is_told_at_once)
{
	g_autofree char *tmp = g_build_filename(directory, "tmp", NULL);
	g_autoptr(GError) error = NULL;
	VkVault *vault;
	gboolean is_root = geteuid() == 0;

	ck_assert_int_eq(chmod(tmp, 0500), 0);
	/* Root may write anywhere. */
	ck_assert(!is_root || nftw(directory, give_away, 16, FTW_PHYS) == 0);
	ck_assert(!is_root || seteuid(NOBODY) == 0);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, &error);
	ck_assert(!is_root || seteuid(0) == 0);
	ck_assert_ptr_null(vault);
	ck_assert_ptr_nonnull(strstr(error->message, directory));
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_free(vault);
}
END_TEST

/* As version 0.1 wrote it, and with a member that a later one may add. */
#define OLD_DESCRIPTION                                                                            \
	"{\"block_log2\":16,\"cipher\":\"none\",\"compression\":\"zstd\",\"compression_level\":1," \
	"\"created\":\"20261122T201405Z\",\"features\":{\"compat\":[],\"incompat\":[],"            \
	"\"ro_compat\":[%s]},\"format\":1,\"id\":\"0123456789abcdef0123456789abcdef\","            \
	"\"later\":{\"a\":[1,2.5,null]},\"pack_log2\":25}"

/* The whole object with these ro_compat features. New string. */
static char *description_with(const char *features)
{
	g_autofree char *line = g_strdup_printf(OLD_DESCRIPTION, features);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, line, -1);

	return g_strdup_printf("%s\n{\"sha256\":\"%s\"}\n", line, sum);
}

static void expect_description(const char *features)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autofree char *expected = description_with(features);
	g_autofree char *content = NULL;

	ck_assert(g_file_get_contents(path, &content, NULL, NULL));
	ck_assert_str_eq(content, expected);
}

static void describe_with(const char *features)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autofree char *text = description_with(features);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

/* Whatever it cannot know stays as it is, and nothing is written twice. */
START_TEST(an_older_vault_is_taken_over)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autoptr(VkVault) vault = NULL;
	struct stat first, second;
	gboolean done;

	describe_with("");
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	ck_assert_ptr_nonnull(vault);
	ck_assert(vk_vault_take_over(vault, &done, NULL));
	ck_assert(done);
	expect_description("\"collection\"");
	ck_assert_int_eq(stat(path, &first), 0);
	ck_assert(vk_vault_take_over(vault, &done, NULL));
	ck_assert(!done);
	ck_assert_int_eq(stat(path, &second), 0);
	ck_assert(first.st_ino == second.st_ino);
	ck_assert(back_up('a', NULL));
}
END_TEST

/* Another process may have been first, and may have known more. */
START_TEST(features_of_others_stay)
{
	g_autoptr(VkVault) vault = NULL;
	gboolean done;

	describe_with("");
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	describe_with("\"sundial\"");
	ck_assert(vk_vault_take_over(vault, &done, NULL));
	expect_description("\"sundial\",\"collection\"");
}
END_TEST

START_TEST(a_new_vault_keeps_older_versions_from_writing)
{
	g_autofree char *path = g_build_filename(directory, "vault.json", NULL);
	g_autofree char *content = NULL;

	ck_assert(g_file_get_contents(path, &content, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(content, "\"ro_compat\":[\"collection\"]"));
}
END_TEST

/* Beside one that is known. */
START_TEST(an_unknown_feature_keeps_from_writing)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkVault) vault = NULL;

	describe_with("\"collection\",\"sundial\"");
	ck_assert_ptr_null(vk_vault_open(directory, VK_VAULT_WRITE, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "'sundial'"));
	vault = vk_vault_open(directory, VK_VAULT_READ, NULL);
	ck_assert_ptr_nonnull(vault);
}
END_TEST

static Suite *vault_suite(void)
{
	Suite *suite = suite_create("vault");
	TCase *cases = tcase_create("vault");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, what_is_no_file_is_told, 0, 2 * THINGS);
	tcase_add_loop_test(cases, a_description_that_is_no_file_is_told, 0, THINGS);
	tcase_add_loop_test(cases, what_is_no_file_stays_in_tmp, 0, THINGS);
	tcase_add_test(cases, stale_temporaries_go_on_nfs_too);
	tcase_add_test(cases, one_guest_is_checked_alone);
	tcase_add_test(cases, an_unwritable_vault_is_told_at_once);
	tcase_add_test(cases, an_older_vault_is_taken_over);
	tcase_add_test(cases, features_of_others_stay);
	tcase_add_test(cases, a_new_vault_keeps_older_versions_from_writing);
	tcase_add_test(cases, an_unknown_feature_keeps_from_writing);
	suite_add_tcase(suite, cases);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(vault_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
