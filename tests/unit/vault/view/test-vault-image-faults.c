/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images in spite of a damaged vault, a failing source, a full disk. */
#include "damages.h"
#include "errors.h"
#include "image-bed.h"
#include "pack-name.h"
#include "io.h"
#include "interrupt.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Overwrites the middle of every pack with noise. */
static void damage_packs(void)
{
	g_autoptr(GArray) ids = vk_pack_list(vault->store, NULL);

	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *object = vk_pack_object(&g_array_index(ids, VkPackId, i), 0);
		g_autofree char *path = g_build_filename(directory, object, NULL);
		g_autofree char *bytes = NULL;
		gsize length;

		ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
		memset(bytes + sizeof(VkPackHeader) + 20, 0x5a,
		       MIN(length - sizeof(VkPackHeader) - 20, 40));
		ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	}
}

START_TEST(damage_is_never_returned_as_data)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(8 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkVault) again = NULL;
	g_autoptr(VkImage) image = NULL;
	g_autoptr(VkCheckResult) check = NULL;
	g_autoptr(GError) error = NULL;
	guint8 buf[100];

	fill_with_noise(source);
	snapshot = commit(session, save(session, source, NULL, &stats));
	damage_packs();
	again = vk_vault_open(directory, VK_VAULT_READ, NULL);
	image = vk_vault_image_open(again, image_of(snapshot), NULL);
	ck_assert(!vk_image_read(image, 0, buf, sizeof(buf), &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	check = check_guests(again, NULL, TRUE, NULL);
	ck_assert_uint_eq(check->errors->len, 2);
	ck_assert(damage_says(check, 0, "in slot 0"));
	ck_assert(damage_says(check, 1, "'guest@20260102T030405Z' vda: bytes 0 to 65535 "));
	/* The rest stays readable. */
	ck_assert(vk_image_read(image, 3 * VK_BLOCK_SIZE, buf, sizeof(buf), NULL));
	ck_assert_mem_eq(buf, source->bytes + 3 * VK_BLOCK_SIZE, sizeof(buf));
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_lost_parent_is_saved_anew)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(3000 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) parent = NULL;
	g_autoptr(VkSnapshot) child = NULL;
	g_autoptr(VkVault) again = NULL;
	g_autoptr(VkSession) other = NULL;
	g_autoptr(GArray) ids = NULL;

	mem_source_scribble(source, seeded, 30, 100);
	parent = commit(session, save(session, source, NULL, &stats));
	ids = vk_pack_list(vault->store, NULL);
	for (guint i = 0; i < ids->len; i++) {
		g_autofree char *object = vk_pack_object(&g_array_index(ids, VkPackId, i), 0);

		ck_assert(vault->store->ops->delete (vault->store, object, NULL));
	}
	/* Another process, which has nothing in its caches. */
	g_clear_pointer(&session, vk_session_free);
	vk_vault_free(vault);
	again = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
	vault = g_steal_pointer(&again);
	other = vk_session_new(vault, 2, NULL);
	child = commit(other, save(other, source, image_of(parent), &stats));
	ck_assert(stats.parent_damaged);
	check_image(vault, image_of(child), source);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_failing_source_fails_the_save_and_not_the_session)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(200 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;

	mem_source_scribble(source, seeded, 200, 100);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
	source->fail_after = 3;
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &stats, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_CHANGED));
	source->fail_after = -1;
	snapshot = commit(session, save(session, source, NULL, &stats));
	check_image(vault, image_of(snapshot), source);
	vk_source_free(&source->base);
}
END_TEST

static ssize_t full_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	errno = ENOSPC;
	return -1;
}

static ssize_t failing_pread(int fd, void *buf, size_t length, off_t offset)
{
	errno = EIO;
	return -1;
}

/* Only what was read in part is kept, for the next part. */
START_TEST(whole_blocks_are_not_kept)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *source = mem_source_new(16 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkImage) image = NULL;
	g_autofree guint8 *bytes = g_malloc(source->base.size);

	fill_with_noise(source);
	snapshot = commit(session, save(session, source, NULL, &stats));
	image = vk_vault_image_open(vault, image_of(snapshot), NULL);
	ck_assert(vk_image_read(image, 0, bytes, source->base.size, NULL));
	ck_assert_mem_eq(bytes, source->bytes, source->base.size);
	ck_assert(vk_image_read(image, 10, bytes, 20, NULL));
	vk_io.pread = failing_pread;
	ck_assert(vk_image_read(image, 100, bytes, 20, NULL));
	ck_assert(vk_image_read(image, 0, bytes, VK_BLOCK_SIZE, NULL));
	ck_assert_mem_eq(bytes, source->bytes, VK_BLOCK_SIZE);
	ck_assert(!vk_image_read(image, 5 * VK_BLOCK_SIZE + 1, bytes, 20, NULL));
	vk_io.pread = pread;
	vk_source_free(&source->base);
}
END_TEST

START_TEST(a_lost_pack_takes_its_images_along)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	MemSource *small = mem_source_new(VK_BLOCK_SIZE);
	MemSource *large = mem_source_new(VK_PACK_SIZE + 10 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = NULL;
	g_autoptr(VkSnapshot) loaded = NULL;
	VkImageRecord *lost;

	mem_source_scribble(small, seeded, 1, 1);
	fill_with_noise(large);
	/* The first disk of a guest lies in the pack that the second one fills. */
	lost = save(session, small, NULL, &stats);
	vk_io.pwrite = full_pwrite;
	ck_assert_ptr_null(vk_session_save(session, &large->base, NULL, &stats, NULL, &error));
	vk_io.pwrite = pwrite;
	snapshot = make_snapshot(UUID, "20260102T030405Z", lost);
	ck_assert(!vk_session_commit(session, snapshot, NULL));
	/* The next guest is not affected. */
	loaded = commit(session, save(session, large, NULL, &stats));
	check_image(vault, image_of(loaded), large);
	vk_source_free(&small->base);
	vk_source_free(&large->base);
}
END_TEST

START_TEST(a_second_try_finds_what_the_first_stored)
{
	MemSource *source = mem_source_new(2 * (guint64)VK_PACK_SIZE);
	VkSaveStats first = {0}, second = {0};
	VkSession *session = vk_session_new(vault, 1, NULL);
	g_autoptr(VkSession) other = NULL;
	VkSnapshot *snapshot;

	/* A hint file that is there already: the next session does not look at the packs. */
	source->bytes[0] = 1;
	source->kinds[0] = VK_SOURCE_DATA;
	snapshot = commit(session, save(session, source, NULL, &first));
	vk_snapshot_free(snapshot);
	fill_with_noise(source);
	source->fail_after = 40;
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &first, NULL, NULL));
	vk_session_free(session);
	source->fail_after = -1;
	other = vk_session_new(vault, 1, NULL);
	snapshot = commit(other, save(other, source, NULL, &second));
	ck_assert_uint_lt(second.fresh, source->base.size / 2 + (1 << 20));
	check_image(vault, image_of(snapshot), source);
	vk_snapshot_free(snapshot);
	vk_source_free(&source->base);
}
END_TEST

START_TEST(an_interruption_ends_the_save)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	MemSource *source = mem_source_new(200 * VK_BLOCK_SIZE);
	VkSaveStats stats = {0};
	g_autoptr(GError) error = NULL;

	vk_set_interrupted(TRUE);
	ck_assert_ptr_null(vk_session_save(session, &source->base, NULL, &stats, NULL, &error));
	vk_set_interrupted(FALSE);
	ck_assert_str_eq(error->message, "interrupted");
	vk_source_free(&source->base);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, damage_is_never_returned_as_data);
	tcase_add_test(tcase, a_lost_parent_is_saved_anew);
	tcase_add_test(tcase, whole_blocks_are_not_kept);
	tcase_add_test(tcase, a_failing_source_fails_the_save_and_not_the_session);
	tcase_add_test(tcase, a_lost_pack_takes_its_images_along);
	tcase_add_test(tcase, a_second_try_finds_what_the_first_stored);
	tcase_add_test(tcase, an_interruption_ends_the_save);
}

int main(void)
{
	return run_image_tests("vault-image-faults", add_tests);
}
