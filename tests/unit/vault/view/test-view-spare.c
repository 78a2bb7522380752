/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is damaged in a vault is read from another one that has the same snapshot, and only that. */
#include "view.h"

#include "catalog.h"
#include "errors.h"
#include "image-bed.h"
#include "pack-name.h"

#include <glib/gstdio.h>
#include <string.h>

#define BLOCKS 20u

static VkVault *others[2]; /* the second one is asked when the first has not what is wanted */
static guint asked;

static VkVault *get_other(gpointer user, guint i)
{
	asked++;
	return others[i];
}

static const VkOtherVaults known = {.get = get_other, .count = G_N_ELEMENTS(others)};

static MemSource *source;
static VkSnapshot *snapshot;
static char *copy;

/* A vault, a copy of it, and damage in the vault. */
static void prepare(gboolean damage)
{
	g_autofree char *object = NULL, *path = NULL, *bytes = NULL;
	VkPackId pack;
	gsize length;

	source = mem_source_new((guint64)BLOCKS * VK_BLOCK_SIZE);
	snapshot = commit_one_pack(source, &pack);
	copy = g_strconcat(directory, "-copy", NULL);
	temp_directory_copy(directory, copy);
	asked = 0;
	if (!damage)
		return;
	object = vk_pack_object(&pack, 0);
	path = test_vault_path(vault, object);
	ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
	bytes[3 * VK_BLOCK_SIZE] ^= 1;
	g_chmod(path, 0600);
	ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
	vk_vault_free(vault);
	vault = vk_vault_open(directory, VK_VAULT_WRITE, NULL);
}

static void finish(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(others); i++)
		g_clear_pointer(&others[i], vk_vault_free);
	temp_directory_remove(copy);
	g_free(copy);
	vk_source_free(&source->base);
}

/* Reads the whole disk; TRUE if it could be read, and is right then. */
static gboolean reads(const VkOtherVaults *set, GError **error)
{
	/* The view has the snapshot from now on. */
	g_autoptr(VkView) view = vk_view_new(vault, snapshot);
	g_autofree guint8 *bytes = g_malloc0(source->base.size);
	g_autoptr(VkImage) image = NULL;

	if (set)
		vk_view_set_others(view, set);
	image = vk_view_open_image(view, image_of(snapshot), error);
	if (!image || !vk_image_read(image, 0, bytes, image->size, error))
		return FALSE;
	ck_assert(memcmp(bytes, source->bytes, image->size) == 0);
	return TRUE;
}

START_TEST(another_vault_fills_the_gap)
{
	g_autofree char *empty = NULL;
	GError *error = NULL;

	prepare(TRUE);
	empty = g_strconcat(copy, "-empty", NULL);
	/* The first one does not have the snapshot. */
	others[0] = vk_vault_init(empty, NULL);
	others[1] = vk_vault_open(copy, VK_VAULT_READ, NULL);
	ck_assert_msg(reads(&known, &error), "%s", error ? error->message : "");
	ck_assert_uint_eq(asked, 2);
	finish();
	temp_directory_remove(empty);
}
END_TEST

START_TEST(without_another_it_is_damaged)
{
	g_autoptr(GError) error = NULL;

	prepare(TRUE);
	/* Neither can be opened. */
	ck_assert(!reads(_i ? &known : NULL, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
	ck_assert_uint_eq(asked, _i ? 2 : 0);
	finish();
}
END_TEST

START_TEST(a_sound_one_asks_nobody)
{
	prepare(FALSE);
	ck_assert(reads(&known, NULL));
	ck_assert_uint_eq(asked, 0);
	finish();
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, another_vault_fills_the_gap);
	tcase_add_loop_test(tcase, without_another_it_is_damaged, 0, 2);
	tcase_add_test(tcase, a_sound_one_asks_nobody);
}

int main(void)
{
	return run_image_tests("view-spare", add_tests);
}
