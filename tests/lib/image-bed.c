/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-bed.h"

#include "catalog.h"
#include "io.h"
#include "pack-name.h"
#include "session-priv.h"
#include "temp-vault.h"
#include "vault-image.h"

#include <stdlib.h>
#include <string.h>

GRand *seeded;
char *directory;
VkVault *vault;

static void setup(void)
{
	GError *error = NULL;

	directory = temp_directory_new();
	vault = vk_vault_init(directory, &error);
	ck_assert_msg(vault != NULL, "%s", error ? error->message : "");
}

static void teardown(void)
{
	vk_vault_free(vault);
	temp_directory_remove(directory);
	g_free(directory);
}

VkImageRecord *save(VkSession *session, MemSource *source, const VkImageRecord *parent,
		    VkSaveStats *stats)
{
	GError *error = NULL;
	VkImageRecord *record =
		vk_session_save(session, &source->base, parent, stats, NULL, &error);

	ck_assert_msg(record != NULL, "%s", error ? error->message : "");
	return record;
}

VkSnapshot *commit(VkSession *session, VkImageRecord *record)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, "20260102T030405Z", record);
	GError *error = NULL;
	VkSnapshot *loaded;

	ck_assert_msg(vk_session_commit(session, snapshot, &error), "%s",
		      error ? error->message : "");
	loaded = vk_catalog_find(vault, UUID "@latest", &error);
	ck_assert_msg(loaded != NULL, "%s", error ? error->message : "");
	return loaded;
}

const VkImageRecord *image_of(const VkSnapshot *snapshot)
{
	return ((VkDiskRecord *)snapshot->disks->pdata[0])->image;
}

static guint64 model_allocated(const MemSource *source)
{
	guint64 allocated = 0;

	for (guint64 at = 0; at < source->base.size; at += VK_BLOCK_SIZE) {
		gsize length = (gsize)MIN(VK_BLOCK_SIZE, source->base.size - at);

		if (!vk_io_is_zero(source->bytes + at, length))
			allocated += length;
	}
	return allocated;
}

static void check_extents(VkImage *image, const MemSource *source)
{
	gboolean last = FALSE;
	guint64 length;

	for (guint64 at = 0; at < image->size; at += length) {
		gboolean is_data;

		ck_assert(vk_image_extent(image, at, &is_data, &length, NULL));
		ck_assert_uint_gt(length, 0);
		ck_assert_uint_le(length, image->size - at);
		ck_assert(at == 0 || is_data != last);
		if (!is_data)
			ck_assert(vk_io_is_zero(source->bytes + at, length));
		last = is_data;
	}
}

void check_image(VkVault *from, const VkImageRecord *record, const MemSource *source)
{
	GError *error = NULL;
	g_autoptr(VkImage) image = vk_vault_image_open(from, record, &error);
	guint64 size = source->base.size;
	g_autofree guint8 *bytes = g_malloc(MAX(size, 1));

	ck_assert_uint_eq(image->size, size);
	ck_assert_uint_eq(record->allocated, model_allocated(source));
	ck_assert_msg(vk_image_read(image, 0, bytes, size, &error), "%s",
		      error ? error->message : "");
	ck_assert(memcmp(bytes, source->bytes, size) == 0);
	for (guint i = 0; i < 50 && size > 0; i++) {
		guint64 at = (guint64)g_rand_int_range(seeded, 0, (gint32)size);
		gsize length =
			(gsize)g_rand_int_range(seeded, 0, (gint32)MIN(size - at, 400000) + 1);

		memset(bytes, 0xaa, length);
		ck_assert(vk_image_read(image, at, bytes, length, NULL));
		ck_assert(memcmp(bytes, source->bytes + at, length) == 0);
	}
	check_extents(image, source);
}

void fill_with_noise(MemSource *source)
{
	for (guint64 i = 0; i < source->base.size; i += sizeof(guint32))
		*(guint32 *)(source->bytes + i) = g_rand_int(seeded);
	memset(source->kinds, VK_SOURCE_DATA, source->base.size / MEM_UNIT);
}

VkSnapshot *commit_one_pack(MemSource *source, VkPackId *ret_pack)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 1, NULL);
	g_autoptr(GArray) packs = NULL;
	VkSaveStats stats = {0};
	VkSnapshot *snapshot;

	fill_with_noise(source);
	snapshot = commit(session, save(session, source, NULL, &stats));
	packs = vk_pack_list(vault->store, NULL);
	ck_assert_uint_eq(packs->len, 1);
	*ret_pack = g_array_index(packs, VkPackId, 0);
	return snapshot;
}

int run_image_tests(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	seeded = g_rand_new_with_seed(test_seed());
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	g_rand_free(seeded);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
