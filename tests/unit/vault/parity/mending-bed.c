/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mending-bed.h"

#include "codec.h"
#include "frame.h"
#include "hasher.h"
#include "mend-log.h"
#include "pack-name.h"
#include "pack-writer.h"
#include "temp-vault.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MendingBed bed = {.context = {.vault_id = "vault-id-16bytes", .parity = TRUE}};

static const guint8 session_id[VK_ID_SIZE] = "session-id-16byt";

static void ignore_slot(gpointer user, const VkBlockId *id, const VkPackId *of, guint32 slot)
{
}

static void ignore_pack(gpointer user, const VkPackId *of, gboolean ok)
{
}

static void note_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_free(bed.warning);
	bed.warning = g_strdup_vprintf(format, args);
	va_end(args);
	bed.warnings++;
}

VkPackId write_pack(void)
{
	static const VkPackCalls calls = {.on_slot = ignore_slot, .on_done = ignore_pack};
	VkPackWriter *writer =
		vk_pack_writer_new(bed.store, &bed.context, session_id, &calls, NULL);
	g_autoptr(VkHasher) hasher = vk_hasher_new(NULL);
	VkCodec *codec = vk_codec_new(1);
	VkPackId id = vk_pack_writer_id(writer);

	for (guint i = 0; i < N_BLOCKS; i++) {
		VkNewSlot slot = {.kind = VK_SLOT_KIND_DATA, .length = VK_BLOCK_SIZE};

		for (gsize j = 0; j < VK_BLOCK_SIZE; j++)
			bed.blocks[i][j] = (guint8)(i % 2 ? g_rand_int(bed.seeded) : j / 64 + i);
		slot.id = vk_hasher_id(hasher, bed.blocks[i], VK_BLOCK_SIZE);
		slot.bytes = vk_codec_encode(codec, bed.blocks[i], VK_BLOCK_SIZE,
					     &slot.stored_length, &slot.compression);
		vk_pack_writer_append(writer, &slot);
	}
	ck_assert(vk_pack_writer_send(writer, NULL));
	ck_assert(vk_pack_writer_wait(writer, NULL));
	vk_codec_free(codec);
	vk_pack_writer_free(writer);
	return id;
}

static void setup(void)
{
	static const char *const folders[] = {"packs", "tmp", NULL};
	g_autofree VkParityEnd *end = g_new(VkParityEnd, 1);
	gboolean whole;

	bed.directory = temp_directory_new();
	bed.store = vk_store_dir_new(bed.directory, folders, NULL);
	bed.pack = write_pack();
	bed.object = vk_pack_object(&bed.pack, 0);
	bed.path = g_build_filename(bed.directory, bed.object, NULL);
	ck_assert(g_file_get_contents(bed.path, (char **)&bed.sound, &bed.length, NULL));
	bed.bytes = g_memdup2(bed.sound, bed.length);
	ck_assert(vk_parity_end_find(bed.store, &bed.context, &bed.pack, bed.object, end,
				     &bed.layout, &whole, NULL));
	ck_assert(whole);
	ck_assert_uint_eq(bed.layout.shard_size, SHARD);
	bed.context.mend_log = vk_mend_log_new();
	vk_mend_log_set_warn(bed.context.mend_log, note_warning);
	bed.warnings = 0;
}

static void teardown(void)
{
	vk_mend_log_free(bed.context.mend_log);
	bed.context.parity = TRUE;
	bed.store->ops->free(bed.store);
	temp_directory_remove(bed.directory);
	g_free(bed.directory);
	g_free(bed.object);
	g_free(bed.path);
	g_free(bed.sound);
	g_free(bed.bytes);
	g_clear_pointer(&bed.warning, g_free);
}

guint n_shards(void)
{
	return bed.layout.data + VK_PARITY_SHARDS;
}

void damage(guint shard)
{
	guint64 at = shard < n_shards()    ? vk_parity_shard_offset(&bed.layout, shard)
		     : shard == n_shards() ? bed.layout.covered
					   : bed.length - sizeof(VkParityEnd);

	/* Somewhere within it. */
	bed.bytes[at + (gsize)g_rand_int_range(bed.seeded, 0, SHARD)] ^=
		(guint8)g_rand_int_range(bed.seeded, 1, 256);
}

void damage_end(guint copy)
{
	guint64 at = copy == 0 ? bed.layout.covered : bed.length - sizeof(VkParityEnd);

	memset(bed.bytes + at, 0, sizeof(VkParityEnd));
}

void write_bytes(gsize n)
{
	ck_assert(g_file_set_contents(bed.path, (char *)bed.bytes, (gssize)n, NULL));
}

void overwrite_bytes(void)
{
	FILE *file;

	ck_assert_int_eq(g_chmod(bed.path, 0600), 0);
	file = fopen(bed.path, "r+b");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bed.bytes, 1, bed.length, file), bed.length);
	ck_assert_int_eq(fclose(file), 0);
}

void restore(void)
{
	memcpy(bed.bytes, bed.sound, bed.length);
}

guint count_readable_with(const VkStoreOps *ops)
{
	VkStore *fresh = vk_store_dir_new(bed.directory, NULL, NULL);
	const VkStoreOps *plain = fresh->ops;
	VkPackCache *cache;
	guint8 buf[VK_BLOCK_SIZE];
	guint readable = 0;

	if (ops)
		fresh->ops = ops;
	cache = vk_pack_cache_new(fresh, &bed.context);
	for (guint i = 0; i < N_BLOCKS; i++) {
		g_autoptr(GError) error = NULL;
		gsize got;

		if (vk_pack_cache_read(cache, &bed.pack, i, VK_SLOT_KIND_DATA, buf, &got, NULL,
				       &error)) {
			ck_assert_uint_eq(got, VK_BLOCK_SIZE);
			ck_assert(memcmp(buf, bed.blocks[i], got) == 0);
			readable++;
		}
	}
	vk_pack_cache_free(cache);
	fresh->ops = plain;
	fresh->ops->free(fresh);
	return readable;
}

guint count_readable(void)
{
	return count_readable_with(NULL);
}

gboolean read_second(VkPackCache *cache)
{
	guint8 buf[VK_BLOCK_SIZE];
	gsize got;

	return vk_pack_cache_read(cache, &bed.pack, 1, VK_SLOT_KIND_DATA, buf, &got, NULL, NULL) &&
	       got == VK_BLOCK_SIZE && memcmp(buf, bed.blocks[1], got) == 0;
}

int run_mending_tests(const char *name, void (*add_tests)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	bed.seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(bed.seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
