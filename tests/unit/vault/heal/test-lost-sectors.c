/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sectors of a pack that the disk cannot read are as good as damaged: they are found and healed. */
#include "damages.h"
#include "heal-bed.h"
#include "health.h"
#include "io.h"
#include "vault-parts.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* What the disk cannot read: bytes of one file. */
static struct {
	ino_t file;
	off_t from, to;
} lost;

static ssize_t lossy_pread(int fd, void *buf, size_t length, off_t offset)
{
	GStatBuf facts;

	ck_assert_int_eq(fstat(fd, &facts), 0);
	if (facts.st_ino != lost.file || offset >= lost.to || offset + (off_t)length <= lost.from)
		return pread(fd, buf, length, offset);
	errno = EIO;
	return -1;
}

/* The disk loses the two blocks from FIRST on. */
static void lose_blocks(void)
{
	g_autoptr(VkPackTable) table = vk_pack_cache_get(vault->packs, &damaged_pack, NULL);
	g_autofree char *path = test_vault_path(vault, table->object);
	GStatBuf facts;

	ck_assert_int_eq(g_stat(path, &facts), 0);
	lost.file = facts.st_ino;
	lost.from = (off_t)table->entries[FIRST].offset16 * VK_FRAME_ALIGN;
	lost.to = (off_t)table->entries[FIRST + 2].offset16 * VK_FRAME_ALIGN;
	vk_io.pread = lossy_pread;
	reopen();
}

static void check_and_expect(guint64 errors)
{
	g_autoptr(VkCheckResult) result = check_guests(vault, NULL, TRUE, NULL);

	ck_assert_uint_eq(vk_check_result_count_errors(result), errors);
}

/* The check names the range of the disk, the pack, and with parity that this is not enough. */
START_TEST(a_check_finds_what_is_lost_and_a_backup_heals_it)
{
	g_autoptr(VkSnapshot) new = NULL;

	prepare_sound();
	lose_blocks();
	ck_assert(!reads(FIRST) && !reads(FIRST + 1) && reads(FIRST + 2));
	check_and_expect(vault->context.parity ? 3 : 2);
	new = save_snapshot();
	reopen();
	ck_assert_uint_eq(count_generations(), 2);
	check_image(vault, image_of(old), source);
	check_image(vault, image_of(new), source);
	vk_io.pread = pread;
	finish();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, a_check_finds_what_is_lost_and_a_backup_heals_it);
}

int main(void)
{
	return run_image_tests("lost-sectors", add);
}
