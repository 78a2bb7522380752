/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-priv.h"

#include "hints-object.h"
#include "hints-tables.h"
#include "hints-writer.h"

#include "errors.h"
#include "layout.h"
#include "log.h"
#include "interrupt.h"

#include <stdlib.h>
#include <string.h>

/* New hints in memory: some 24 MiB with their index, then they spill. */
#define MEMORY_ENTRIES (512u * 1024)
/* Spilled files of one level, each of about this many of the level below. */
#define SPILL_FAN 8u
/* A vault file that is not this many times larger than all newer ones is merged with them. */
#define VAULT_SIZE_RATIO 4u
#define VAULT_FILES_MAX  12u

typedef struct {
	VkHintsFile *file;
	guint level;
} Spill;

struct VkHints {
	VkHintsPlace place;
	char *folder;             /* for temporary files */
	GRWLock lock;             /* of all below; spilling under it is rare and short */
	VkHintEntry *memory;      /* host byte order */
	guint size, used;         /* entries of it */
	GHashTable *by_prefix;    /* those in use, each its own key by its first member */
	GArray *packs;            /* VkPackId; memory's pack numbers */
	GHashTable *pack_numbers; /* VkPackId, owned -> number + 1 */
	GArray *spills;           /* Spill, oldest first, levels falling */
	GPtrArray *files;         /* VkHintsFile of the vault, newest first */
	gboolean is_partial; /* alone in the vault they would be taken for all that there are */
};

static guint64 prefix_of(const VkBlockId *id)
{
	guint64 prefix;

	memcpy(&prefix, id->bytes, sizeof(prefix));
	return GUINT64_FROM_LE(prefix);
}

static void file_free(gpointer file)
{
	vk_hints_file_free(file);
}

static void spill_clear(gpointer spill)
{
	vk_hints_file_free(((Spill *)spill)->file);
}

static VkHints *hints_new(const VkHintsPlace *place, guint size)
{
	VkHints *hints = g_new0(VkHints, 1);

	hints->place = *place;
	hints->folder = vk_hints_place_folder(place);
	g_rw_lock_init(&hints->lock);
	hints->size = size;
	hints->memory = g_new(VkHintEntry, size);
	hints->by_prefix = g_hash_table_new(g_int64_hash, g_int64_equal);
	hints->packs = g_array_new(FALSE, FALSE, sizeof(VkPackId));
	hints->pack_numbers =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);
	hints->spills = g_array_new(FALSE, FALSE, sizeof(Spill));
	g_array_set_clear_func(hints->spills, spill_clear);
	hints->files = g_ptr_array_new_with_free_func(file_free);
	return hints;
}

void vk_hints_free(VkHints *hints)
{
	if (!hints)
		return;
	g_ptr_array_unref(hints->files);
	g_array_unref(hints->spills);
	g_hash_table_unref(hints->pack_numbers);
	g_array_unref(hints->packs);
	g_hash_table_unref(hints->by_prefix);
	g_free(hints->memory);
	g_rw_lock_clear(&hints->lock);
	g_free(hints->folder);
	g_free(hints);
}

static void clear_memory(VkHints *hints)
{
	g_hash_table_remove_all(hints->by_prefix);
	g_hash_table_remove_all(hints->pack_numbers);
	g_array_set_size(hints->packs, 0);
	hints->used = 0;
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
	const VkHintEntry *left = a, *right = b;

	return (left->prefix > right->prefix) - (left->prefix < right->prefix);
}

/*
 * Writes the hints in memory to a file. The index is emptied first, because sorting moves the
 * entries.
 */
static VkHintsFile *write_memory(VkHints *hints, GError **error)
{
	g_autoptr(VkHintsWriter) writer = NULL;

	g_hash_table_remove_all(hints->by_prefix);
	qsort(hints->memory, hints->used, sizeof(VkHintEntry), compare_entries);
	writer = vk_hints_writer_new(hints->folder, hints->place.context, error);
	if (!writer || !vk_hints_writer_add_packs(writer, (const void *)hints->packs->data,
						  hints->packs->len, error))
		return NULL;
	for (guint i = 0; i < hints->used; i++)
		if (!vk_hints_writer_add(writer, &hints->memory[i], error))
			return NULL;
	return vk_hints_writer_finish(writer, error);
}

/* The newest COUNT spilled files, newest first, borrowed. */
static GPtrArray *newest_spills(const VkHints *hints, guint count)
{
	GPtrArray *files = g_ptr_array_new();

	for (guint i = 0; i < count; i++)
		g_ptr_array_add(
			files,
			g_array_index(hints->spills, Spill, hints->spills->len - 1 - i).file);
	return files;
}

/* While there are SPILL_FAN files of the lowest level, makes one of the next level of them. */
static gboolean merge_spills(VkHints *hints, GError **error)
{
	for (;;) {
		guint count = hints->spills->len;
		g_autoptr(GPtrArray) files = NULL;
		Spill merged;

		if (count < SPILL_FAN ||
		    g_array_index(hints->spills, Spill, count - SPILL_FAN).level !=
			    g_array_index(hints->spills, Spill, count - 1).level)
			return TRUE;
		files = newest_spills(hints, SPILL_FAN);
		merged.level = g_array_index(hints->spills, Spill, count - 1).level + 1;
		merged.file =
			vk_hints_files_merge(files, hints->folder, hints->place.context, error);
		if (!merged.file)
			return FALSE;
		g_array_set_size(hints->spills, count - SPILL_FAN);
		g_array_append_val(hints->spills, merged);
	}
}

/* On failure the hints in memory are lost. */
static gboolean spill(VkHints *hints, GError **error)
{
	Spill spilled = {.level = 0};

	if (hints->used == 0)
		return TRUE;
	spilled.file = write_memory(hints, error);
	clear_memory(hints);
	if (!spilled.file)
		return FALSE;
	g_array_append_val(hints->spills, spilled);
	return merge_spills(hints, error);
}

static guint32 pack_number(VkHints *hints, const VkPackId *pack)
{
	guint32 number = GPOINTER_TO_UINT(g_hash_table_lookup(hints->pack_numbers, pack));

	if (number == 0) {
		g_array_append_val(hints->packs, *pack);
		number = hints->packs->len;
		g_hash_table_insert(hints->pack_numbers, g_memdup2(pack, sizeof(*pack)),
				    GUINT_TO_POINTER(number));
	}
	return number - 1;
}

static void add_locked(VkHints *hints, guint64 prefix, const VkPackId *pack, guint32 slot)
{
	VkHintEntry *entry = g_hash_table_lookup(hints->by_prefix, &prefix);

	if (!entry) {
		if (hints->used == hints->size)
			spill(hints, NULL);
		entry = &hints->memory[hints->used++];
		entry->prefix = prefix;
		g_hash_table_add(hints->by_prefix, entry);
	}
	entry->pack = pack_number(hints, pack);
	entry->slot = slot;
}

void vk_hints_add(VkHints *hints, const VkBlockId *id, const VkPackId *pack, guint32 slot)
{
	g_rw_lock_writer_lock(&hints->lock);
	add_locked(hints, prefix_of(id), pack, slot);
	g_rw_lock_writer_unlock(&hints->lock);
}

static gboolean lookup_locked(const VkHints *hints, guint64 prefix, VkPackId *ret_pack,
			      guint32 *ret_slot)
{
	const VkHintEntry *entry = g_hash_table_lookup(hints->by_prefix, &prefix);

	if (entry) {
		*ret_pack = g_array_index(hints->packs, VkPackId, entry->pack);
		*ret_slot = entry->slot;
		return TRUE;
	}
	for (guint i = hints->spills->len; i > 0; i--)
		if (vk_hints_file_lookup(g_array_index(hints->spills, Spill, i - 1).file, prefix,
					 ret_pack, ret_slot))
			return TRUE;
	for (guint i = 0; i < hints->files->len; i++)
		if (vk_hints_file_lookup(g_ptr_array_index(hints->files, i), prefix, ret_pack,
					 ret_slot))
			return TRUE;
	return FALSE;
}

gboolean vk_hints_lookup(VkHints *hints, const VkBlockId *id, VkPackId *ret_pack, guint32 *ret_slot)
{
	gboolean found;

	g_rw_lock_reader_lock(&hints->lock);
	found = lookup_locked(hints, prefix_of(id), ret_pack, ret_slot);
	g_rw_lock_reader_unlock(&hints->lock);
	return found;
}

/* Hints may be lost without harm, so this does not fail. */
static void delete_object(VkStore *store, const char *name)
{
	g_autoptr(GError) trouble = NULL;

	if (!store->ops->delete (store, name, &trouble))
		vk_log_debug("hints stay, ignoring: %s", trouble->message);
}

/* What was found of the vault's hint files. */
typedef struct Found {
	guint files;
	gboolean all;       /* could be used */
	GPtrArray *damaged; /* names */
} Found;

static void open_vault_files(VkHints *hints, Found *found)
{
	VkStore *store = hints->place.store;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GPtrArray) names = vk_hints_objects_list(store, &trouble);

	found->all = names != NULL;
	if (!names)
		vk_log_debug("no hints, ignoring: %s", trouble->message);
	for (guint i = 0; names && i < names->len; i++) {
		const char *name = names->pdata[i];
		VkHintsFile *file;

		g_clear_error(&trouble);
		found->files++;
		file = vk_hints_object_open(&hints->place, name, hints->folder, &trouble);
		if (file) {
			g_ptr_array_add(hints->files, file);
		} else if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			/* Not found: another session merged it meanwhile. */
			vk_log_debug("hints are not used: %s", trouble->message);
			if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
				g_ptr_array_add(found->damaged, g_strdup(name));
			found->all = FALSE;
		}
	}
}

static void add_table_locked(gpointer user, const VkPackTable *table)
{
	VkHints *hints = user;

	for (guint32 slot = 0; slot < table->slots; slot++) {
		const VkTableEntry *entry = &table->entries[slot];
		guint flags = entry->length_flags >> VK_SLOT_FLAG_SHIFT;
		VkBlockId id;

		if ((flags & VK_SLOT_KIND) != VK_SLOT_KIND_DATA || !vk_pack_table_has(table, slot))
			continue;
		memcpy(id.bytes, entry->id, sizeof(id.bytes));
		add_locked(hints, prefix_of(&id), &table->id, slot);
	}
}

static gboolean rebuild_locked(VkHints *hints, GError **error)
{
	VkHintsRebuilt done;

	return vk_hints_read_tables(&hints->place, add_table_locked, hints, &done, error);
}

/*
 * Takes from the packs what the vault's files do not have. A storage that fails ends no session.
 * Then the damaged files stay, and where there are none, none is put: the next session sees by this
 * that hints are missing.
 */
static gboolean complete(VkHints *hints, const Found *found, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (rebuild_locked(hints, &trouble)) {
		for (guint i = 0; i < found->damaged->len; i++)
			delete_object(hints->place.store, found->damaged->pdata[i]);
		return TRUE;
	}
	if (vk_interrupted()) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	vk_log_debug("some hints are missing, ignoring: %s", trouble->message);
	hints->is_partial = found->files == 0;
	return TRUE;
}

VkHints *vk_hints_open_sized(const VkHintsPlace *place, guint memory_entries, GError **error)
{
	g_autoptr(VkHints) hints = hints_new(place, memory_entries);
	g_autoptr(GPtrArray) damaged = g_ptr_array_new_with_free_func(g_free);
	Found found = {.damaged = damaged};

	open_vault_files(hints, &found);
	if ((!found.all || hints->files->len == 0) && !complete(hints, &found, error))
		return NULL;
	return g_steal_pointer(&hints);
}

VkHints *vk_hints_open(const VkHintsPlace *place, GError **error)
{
	return vk_hints_open_sized(place, MEMORY_ENTRIES, error);
}

/*
 * How many of the vault's files, newest first, go into a new one of ENTRIES entries. Only the
 * newest ones do, so that the result is the newest and the sizes of older files grow geometrically.
 */
static guint count_mergeable(const VkHints *hints, guint64 entries)
{
	guint count = 0;

	for (; count < hints->files->len; count++) {
		const VkHintsFile *file = g_ptr_array_index(hints->files, count);

		if (file->entries >= entries * VAULT_SIZE_RATIO &&
		    hints->files->len - count < VAULT_FILES_MAX)
			break;
		entries += file->entries;
	}
	return count;
}

/* Replaces all spilled files and the newest COUNT of the vault by MERGED, which is in the vault. */
static void replace_files(VkHints *hints, VkHintsFile *merged, guint count)
{
	g_array_set_size(hints->spills, 0);
	for (guint i = 0; i < count; i++)
		delete_object(hints->place.store, ((VkHintsFile *)hints->files->pdata[i])->object);
	if (count > 0)
		g_ptr_array_remove_range(hints->files, 0, count);
	g_ptr_array_insert(hints->files, 0, merged);
}

static VkHintsFile *find_unreadable(const VkHints *hints)
{
	for (guint i = 0; i < hints->files->len; i++)
		if (((VkHintsFile *)hints->files->pdata[i])->unreadable)
			return hints->files->pdata[i];
	return NULL;
}

/* Takes from the packs again what the unreadable files had. */
static gboolean replace_unreadable_locked(VkHints *hints, GError **error)
{
	VkHintsFile *file;

	if (!find_unreadable(hints))
		return TRUE;
	if (!rebuild_locked(hints, error))
		return FALSE;
	while ((file = find_unreadable(hints))) {
		delete_object(hints->place.store, file->object);
		g_ptr_array_remove(hints->files, file);
	}
	return TRUE;
}

/* Merges all spilled files and the newest COUNT of the vault. */
static VkHintsFile *merge_newest(const VkHints *hints, guint count, GError **error)
{
	g_autoptr(GPtrArray) inputs = newest_spills(hints, hints->spills->len);

	for (guint i = 0; i < count; i++)
		g_ptr_array_add(inputs, hints->files->pdata[i]);
	return vk_hints_files_merge(inputs, hints->folder, hints->place.context, error);
}

static gboolean commit_locked(VkHints *hints, GError **error)
{
	guint64 entries = 0;
	VkHintsFile *merged;
	guint count;

	if (!replace_unreadable_locked(hints, error) || !spill(hints, error))
		return FALSE;
	if (hints->spills->len == 0)
		return TRUE;
	for (guint i = 0; i < hints->spills->len; i++)
		entries += g_array_index(hints->spills, Spill, i).file->entries;
	count = count_mergeable(hints, entries);
	merged = merge_newest(hints, count, error);
	/* A file that turned out to be unreadable is replaced, and all is merged without it. */
	if (merged && find_unreadable(hints)) {
		vk_hints_file_free(merged);
		return commit_locked(hints, error);
	}
	if (!merged || !vk_hints_object_put(hints->place.store, merged, NULL, error)) {
		vk_hints_file_free(merged);
		return FALSE;
	}
	replace_files(hints, merged, count);
	return TRUE;
}

gboolean vk_hints_commit(VkHints *hints, GError **error)
{
	gboolean done;

	g_rw_lock_writer_lock(&hints->lock);
	done = hints->is_partial || commit_locked(hints, error);
	g_rw_lock_writer_unlock(&hints->lock);
	return done;
}

gboolean vk_hints_rebuild(const VkHintsPlace *place, VkHintsRebuilt *ret, GError **error)
{
	g_autoptr(VkHints) hints = hints_new(place, MEMORY_ENTRIES);
	g_autoptr(GPtrArray) old = vk_hints_objects_list(place->store, error);

	if (!old || !vk_hints_read_tables(place, add_table_locked, hints, ret, error) ||
	    !vk_hints_commit(hints, error))
		return FALSE;
	for (guint i = 0; i < old->len; i++)
		delete_object(place->store, old->pdata[i]);
	return TRUE;
}

gboolean vk_hints_rebuild_dry(const VkHintsPlace *place, VkHintsRebuilt *ret, GError **error)
{
	return vk_hints_read_tables(place, NULL, NULL, ret, error);
}
