/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-tidy.h"

#include "hints-object.h"
#include "hints-writer.h"

#include "interrupt.h"
#include "layout.h"
#include "log.h"
#include "pack-name.h"

#define GONE             G_MAXUINT32
#define ENTRIES_PER_READ 4096u

/* A hint file, and which of its packs there still are. */
typedef struct Tidied {
	VkHintsFile *file;
	VkPackId *packs;
	guint32 *numbers; /* of each pack in the new file, or GONE */
	guint32 kept;
} Tidied;

static void tidied_free(gpointer data)
{
	Tidied *tidied = data;

	vk_hints_file_free(tidied->file);
	g_free(tidied->packs);
	g_free(tidied->numbers);
	g_free(tidied);
}

/* Those that cannot be read are the next session's business. */
static GPtrArray *open_files(const VkHintsPlace *place, const char *folder)
{
	g_autoptr(GPtrArray) names = vk_hints_objects_list(place->store, NULL);
	GPtrArray *files = g_ptr_array_new_with_free_func(tidied_free);

	for (guint i = 0; names && i < names->len; i++) {
		VkHintsFile *file =
			vk_hints_object_open(place, g_ptr_array_index(names, i), folder, NULL);
		Tidied *tidied = file ? g_new0(Tidied, 1) : NULL;

		if (!file)
			continue;
		tidied->file = file;
		tidied->packs = g_new(VkPackId, MAX(file->packs, 1));
		tidied->numbers = g_new(guint32, MAX(file->packs, 1));
		if (vk_hints_file_read_packs(file, 0, file->packs, tidied->packs))
			g_ptr_array_add(files, tidied);
		else
			tidied_free(tidied);
	}
	return files;
}

static void number_packs(Tidied *tidied, GHashTable *there)
{
	for (guint32 i = 0; i < tidied->file->packs; i++)
		tidied->numbers[i] =
			g_hash_table_contains(there, &tidied->packs[i]) ? tidied->kept++ : GONE;
}

static gboolean copy_packs(const Tidied *tidied, VkHintsWriter *writer, GError **error)
{
	for (guint32 i = 0; i < tidied->file->packs; i++)
		if (tidied->numbers[i] != GONE &&
		    !vk_hints_writer_add_packs(writer, &tidied->packs[i], 1, error))
			return FALSE;
	return TRUE;
}

static gboolean copy_entries(const Tidied *tidied, VkHintsWriter *writer, GError **error)
{
	g_autofree VkHintEntry *stored = g_new(VkHintEntry, ENTRIES_PER_READ);
	guint32 count;

	for (guint64 done = 0; done < tidied->file->entries; done += count) {
		count = (guint32)MIN(tidied->file->entries - done, ENTRIES_PER_READ);
		if (vk_interrupted() ||
		    !vk_hints_file_read_entries(tidied->file, done, count, stored))
			return FALSE;
		for (guint32 i = 0; i < count; i++) {
			guint32 pack = GUINT32_FROM_LE(stored[i].pack);
			VkHintEntry entry = {
				.prefix = GUINT64_FROM_LE(stored[i].prefix),
				.slot = GUINT32_FROM_LE(stored[i].slot),
			};

			if (pack >= tidied->file->packs || tidied->numbers[pack] == GONE)
				continue;
			entry.pack = tidied->numbers[pack];
			if (!vk_hints_writer_add(writer, &entry, error))
				return FALSE;
		}
	}
	return TRUE;
}

static gboolean write_anew(const VkHintsPlace *place, const Tidied *tidied, const char *folder)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkHintsWriter) writer = vk_hints_writer_new(folder, place->context, &trouble);
	VkHintsFile *file = NULL;
	gboolean done;

	if (writer && copy_packs(tidied, writer, &trouble) &&
	    copy_entries(tidied, writer, &trouble))
		file = vk_hints_writer_finish(writer, &trouble);
	done = file && vk_hints_object_put(place->store, file, tidied->file->object, &trouble);
	if (trouble)
		vk_log_debug("hints of packs that are gone stay, ignoring: %s", trouble->message);
	vk_hints_file_free(file);
	return done;
}

/* The packs are listed after the hints were read: what is not there then was there, and is gone. */
static GHashTable *list_packs(const VkHintsPlace *place)
{
	g_autoptr(GArray) packs = vk_pack_list(place->store, NULL);
	GHashTable *there;

	if (!packs)
		return NULL;
	there = g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);
	for (guint i = 0; i < packs->len; i++)
		g_hash_table_add(there,
				 g_memdup2(&g_array_index(packs, VkPackId, i), sizeof(VkPackId)));
	return there;
}

void vk_hints_tidy(const VkHintsPlace *place)
{
	g_autofree char *folder = vk_hints_place_folder(place);
	g_autoptr(GPtrArray) files = open_files(place, folder);
	g_autoptr(GHashTable) there = files->len > 0 ? list_packs(place) : NULL;

	for (guint i = 0; there && i < files->len && !vk_interrupted(); i++) {
		Tidied *tidied = g_ptr_array_index(files, i);

		number_packs(tidied, there);
		if (tidied->kept * 2 >= tidied->file->packs)
			continue;
		if (tidied->kept == 0 || write_anew(place, tidied, folder))
			place->store->ops->delete (place->store, tidied->file->object, NULL);
	}
}
