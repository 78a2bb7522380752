/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frames-bed.h"

#include "layout.h"
#include "pack-name.h"

#include <glib/gstdio.h>
#include <string.h>

VkPackTable *table;

gboolean has_parity(void)
{
	return g_getenv("VK_TEST_PARITY") != NULL;
}

void prepare_frames(void)
{
	g_autofree char *object = NULL;

	prepare();
	object = vk_pack_object(&bed.pack, 0);
	table = vk_pack_table_load(vault->store, &vault->context, &bed.pack, object, NULL);
	ck_assert_ptr_nonnull(table);
}

void finish_frames(void)
{
	vk_pack_table_unref(table);
	finish();
}

VkVault *open_outside(void)
{
	GError *error = NULL;
	VkVault *opened = vk_vault_open_locked(directory, VK_VAULT_OUTSIDE, NULL, &error);

	ck_assert_msg(opened != NULL, "%s", error ? error->message : "");
	return opened;
}

VkCheckResult *check_opened(VkVault *opened)
{
	const VkCheckOptions options = {0};
	GError *error = NULL;
	VkCheckResult *result = vk_check_frames(opened, &options, &error);

	ck_assert_msg(result != NULL, "%s", error ? error->message : "");
	return result;
}

VkCheckResult *check(void)
{
	g_autoptr(VkVault) opened = open_outside();

	return check_opened(opened);
}

gsize frame_start(guint32 slot)
{
	return (gsize)table->entries[slot].offset16 * VK_FRAME_ALIGN;
}

gsize frame_length(guint32 slot)
{
	return sizeof(VkFrameHeader) + vk_pack_table_length(table, slot);
}

gsize frames_end(void)
{
	guint32 last = table->slots - 1;

	return (frame_start(last) + frame_length(last) + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN *
	       VK_FRAME_ALIGN;
}

gsize object_size(const char *generation)
{
	g_autofree char *path = path_of(generation);
	GStatBuf facts;

	ck_assert_int_eq(g_stat(path, &facts), 0);
	return (gsize)facts.st_size;
}

void spoil(const char *generation, gsize at)
{
	g_autofree char *path = path_of(generation);
	g_autofree char *bytes = NULL;
	gsize size;

	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	ck_assert_uint_lt(at, size);
	bytes[at] ^= 0x55;
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

void expect_loss(const char *text, guint32 first, guint32 last)
{
	g_autoptr(VkCheckResult) result = check();
	g_autofree char *said = first_damage(result);
	const VkCheckError *error;

	ck_assert_uint_eq(result->packs, 1);
	ck_assert_uint_eq(result->packs_read, 1);
	ck_assert_uint_eq(result->errors->len, 1);
	ck_assert_msg(strstr(said, text) != NULL, "'%s' in '%s'", text, said);
	error = result->errors->pdata[0];
	ck_assert_ptr_null(error->snapshot);
	ck_assert(g_str_has_prefix(error->object, VK_FOLDER_PACKS "/"));
	ck_assert_ptr_nonnull(error->slots);
	ck_assert_uint_eq(vk_slots_count(error->slots), last - first + 1);
	for (guint32 slot = first; slot <= last; slot++)
		ck_assert(vk_slots_have(error->slots, slot));
}

void expect_damage(const char *text, guint32 first, guint32 last)
{
	g_autoptr(VkCheckResult) result = NULL;

	if (!has_parity()) {
		expect_loss(text, first, last);
		return;
	}
	result = check();
	ck_assert_uint_eq(result->errors->len, 0);
	ck_assert_uint_eq(result->mended->len, 1);
	ck_assert_uint_ge(result->blocks, table->slots);
}
