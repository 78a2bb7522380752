/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-bed.h"

#include "errors.h"
#include "pack-compact.h"
#include "pack-name.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

GenerationBed bed;

static VkStoreOps watched;
static const VkStoreOps *plain;

static gboolean watched_get(VkStore *store, const char *name, guint64 offset, void *buf,
			    gsize length, GError **error)
{
	guint64 size;

	bed.table_reads += offset == 0 && length == sizeof(VkPackHeader);
	if (bed.meddle)
		bed.meddle(name);
	/* The store keeps files open; one over a network does not. */
	return plain->head(store, name, &size, NULL, error) &&
	       plain->get(store, name, offset, buf, length, error);
}

static GPtrArray *watched_list(VkStore *store, const char *folder, GError **error)
{
	bed.listings++;
	if (bed.blind > 0) {
		bed.blind--;
		return g_ptr_array_new_with_free_func(g_free);
	}
	return plain->list(store, folder, error);
}

void prepare(void)
{
	bed.source = mem_source_new((gsize)N_BLOCKS * VK_BLOCK_SIZE);
	bed.snapshot = commit_one_pack(bed.source, &bed.pack);
	bed.reader = vk_vault_open(directory, VK_VAULT_READ, NULL);
	plain = bed.reader->store->ops;
	watched = *plain;
	watched.get = watched_get;
	watched.list = watched_list;
	bed.reader->store->ops = &watched;
	bed.listings = 0;
	bed.table_reads = 0;
	bed.blind = 0;
	bed.meddle = NULL;
}

void finish(void)
{
	vk_vault_free(bed.reader);
	vk_snapshot_free(bed.snapshot);
	vk_source_free(&bed.source->base);
}

char *path_of(const char *generation)
{
	g_autofree char *first = vk_pack_object(&bed.pack, 0);

	first[strlen(first) - 1] = '\0';
	return g_strdup_printf("%s/%s%s", directory, first, generation);
}

void make_generation(const char *generation, guint32 from, guint32 to)
{
	g_autofree char *first = vk_pack_object(&bed.pack, 0);
	g_autofree char *path = path_of(generation);
	const char *name = path + strlen(directory) + 1;
	VkPackTable *table =
		vk_pack_table_load(vault->store, &vault->context, &bed.pack, first, NULL);
	g_autoptr(GPtrArray) tables =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_pack_table_unref);
	guint32 number = (guint32)strtoul(generation, NULL, 10);
	VkSlots live = {0};

	ck_assert_ptr_nonnull(table);
	g_ptr_array_add(tables, table);
	for (guint32 slot = 0; slot < table->slots; slot++)
		if (from == NONE || slot < from || slot > to)
			live.bits[slot / 8] |= (guint8)(1u << (slot % 8));
	ck_assert(vk_pack_compact(vault->store, &vault->context, tables, &live, name, number, NULL,
				  NULL));
}

void drop_generation(const char *generation)
{
	g_autofree char *path = path_of(generation);

	ck_assert_int_eq(g_unlink(path), 0);
}

void expect_readable(void)
{
	check_image(bed.reader, image_of(bed.snapshot), bed.source);
}

void expect_failure(guint32 slot, const char *text)
{
	guint8 buf[VK_BLOCK_SIZE];
	g_autoptr(GError) error = NULL;
	gsize length;

	ck_assert(!vk_pack_cache_read(bed.reader->packs, &bed.pack, slot, VK_SLOT_KIND_DATA, buf,
				      &length, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
}

void damage(const char *generation, gsize from, gsize length)
{
	g_autofree char *path = path_of(generation);
	g_autofree char *bytes = NULL;
	gsize size;

	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	memset(bytes + from, 0x5a, MIN(length, size - from));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
}
