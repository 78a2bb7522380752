/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-names.h"

/* Key and value in one. */
typedef struct Remembered {
	VkFileId id; /* LINKS: the names that have not come */
	VkWrittenFile file;
} Remembered;

struct VkCopyNames {
	guint max;
	GHashTable *files; /* Remembered, a set */
};

static guint hash_id(gconstpointer key)
{
	const VkFileId *id = &((const Remembered *)key)->id;

	return g_int64_hash(&id->inode) ^ g_int64_hash(&id->device) * 31;
}

static gboolean is_same_id(gconstpointer left, gconstpointer right)
{
	const VkFileId *one = &((const Remembered *)left)->id;
	const VkFileId *other = &((const Remembered *)right)->id;

	return one->inode == other->inode && one->device == other->device;
}

static void remembered_free(gpointer data)
{
	g_free(((Remembered *)data)->file.path);
	g_free(data);
}

VkCopyNames *vk_copy_names_new(guint max)
{
	VkCopyNames *names = g_new(VkCopyNames, 1);

	*names = (VkCopyNames){
		.max = max,
		.files = g_hash_table_new_full(hash_id, is_same_id, remembered_free, NULL)};
	return names;
}

void vk_copy_names_free(VkCopyNames *names)
{
	if (!names)
		return;
	g_hash_table_unref(names->files);
	g_free(names);
}

static Remembered *find(const VkCopyNames *names, const VkFileId *id)
{
	const Remembered key = {.id = *id};

	return g_hash_table_lookup(names->files, &key);
}

gboolean vk_copy_names_add(VkCopyNames *names, const VkFileId *id, const VkWrittenFile *file)
{
	Remembered *remembered;

	if (g_hash_table_size(names->files) >= names->max && !find(names, id))
		return FALSE;
	remembered = g_new(Remembered, 1);
	*remembered = (Remembered){.id = *id, .file = *file};
	remembered->file.path = g_strdup(file->path);
	remembered->id.links = id->links - 1;
	g_hash_table_add(names->files, remembered);
	return TRUE;
}

const VkWrittenFile *vk_copy_names_find(const VkCopyNames *names, const VkFileId *id)
{
	const Remembered *remembered = find(names, id);

	return remembered ? &remembered->file : NULL;
}

void vk_copy_names_pass(VkCopyNames *names, const VkFileId *id)
{
	Remembered *remembered = find(names, id);

	if (remembered && --remembered->id.links == 0)
		g_hash_table_remove(names->files, remembered);
}

void vk_copy_names_clear(VkCopyNames *names)
{
	g_hash_table_remove_all(names->files);
}
