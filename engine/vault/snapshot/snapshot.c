/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot.h"

#include <string.h>

static void disk_free(gpointer disk)
{
	vk_disk_record_free(disk);
}

static void skip_free(gpointer skip)
{
	vk_skip_record_free(skip);
}

static void file_free(gpointer file)
{
	vk_file_record_free(file);
}

VkSnapshot *vk_snapshot_new(void)
{
	VkSnapshot *snapshot = g_new0(VkSnapshot, 1);
	g_autofree char *random = g_uuid_string_random();
	g_auto(GStrv) parts = g_strsplit(random, "-", -1);

	/* The first and the last group of a random uuid are 20 digits without fixed bits. */
	snapshot->id = g_strdup_printf("%s%.8s", parts[0], parts[4]);
	snapshot->disks = g_ptr_array_new_with_free_func(disk_free);
	snapshot->skipped = g_ptr_array_new_with_free_func(skip_free);
	snapshot->files = g_ptr_array_new_with_free_func(file_free);
	return snapshot;
}

void vk_snapshot_free(VkSnapshot *snapshot)
{
	if (!snapshot)
		return;
	g_free(snapshot->id);
	g_free(snapshot->uuid);
	g_free(snapshot->name);
	g_free(snapshot->host);
	g_free(snapshot->time);
	g_free(snapshot->group);
	g_free(snapshot->label);
	g_free(snapshot->parent);
	g_free(snapshot->previous);
	g_free(snapshot->previous_sha256);
	g_free(snapshot->consistency);
	g_free(snapshot->tool);
	g_free(snapshot->state);
	g_free(snapshot->domain_xml);
	g_free(snapshot->live_xml);
	g_free(snapshot->checkpoint);
	g_free(snapshot->checkpoint_xml);
	g_ptr_array_unref(snapshot->disks);
	g_ptr_array_unref(snapshot->skipped);
	g_ptr_array_unref(snapshot->files);
	g_free(snapshot);
}

VkDiskRecord *vk_disk_record_new(void)
{
	return g_new0(VkDiskRecord, 1);
}

void vk_disk_record_free(VkDiskRecord *disk)
{
	if (!disk)
		return;
	g_free(disk->target);
	g_free(disk->bus);
	g_free(disk->format);
	g_free(disk->source_type);
	g_free(disk->source);
	g_free(disk->mode);
	g_free(disk->reason);
	g_free(disk->bitmap);
	json_decref(disk->layout);
	vk_image_record_free(disk->image);
	g_free(disk);
}

VkFileRecord *vk_file_record_new(void)
{
	return g_new0(VkFileRecord, 1);
}

void vk_file_record_free(VkFileRecord *file)
{
	if (!file)
		return;
	g_free(file->name);
	g_free(file->role);
	g_free(file->path);
	vk_image_record_free(file->image);
	g_free(file);
}

VkSkipRecord *vk_skip_record_new(const char *target, const char *reason)
{
	VkSkipRecord *skip = g_new0(VkSkipRecord, 1);

	skip->target = g_strdup(target);
	skip->reason = g_strdup(reason);
	return skip;
}

void vk_skip_record_free(VkSkipRecord *skip)
{
	if (!skip)
		return;
	g_free(skip->target);
	g_free(skip->reason);
	g_free(skip);
}

VkImageRecord *vk_image_record_new(guint64 size)
{
	VkImageRecord *image = g_new0(VkImageRecord, 1);

	image->size = size;
	image->runs = vk_runs_new();
	return image;
}

VkImageRecord *vk_image_record_new_on_array(guint64 size, guint64 allocated, json_t *copy)
{
	VkImageRecord *image = g_new0(VkImageRecord, 1);

	image->size = size;
	image->allocated =
		MIN(allocated, (size + VK_BLOCK_SIZE - 1) / VK_BLOCK_SIZE * VK_BLOCK_SIZE);
	image->array = copy;
	return image;
}

void vk_image_record_free(VkImageRecord *image)
{
	if (!image)
		return;
	g_clear_pointer(&image->runs, g_ptr_array_unref);
	json_decref(image->array);
	g_free(image);
}

const VkDiskRecord *vk_snapshot_find_disk(const VkSnapshot *snapshot, const char *target)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (strcmp(disk->target, target) == 0)
			return disk;
	}
	return NULL;
}

char *vk_image_copies_text(const VkImageRecord *image)
{
	const char *array = json_string_value(json_object_get(image->array, "array"));

	if (!array)
		return g_strdup("vault");
	return g_strconcat(array, image->runs ? ", vault" : "", NULL);
}

gboolean vk_snapshot_is_in_vault(const VkSnapshot *snapshot)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (!disk->image->runs)
			return FALSE;
	}
	return TRUE;
}

gboolean vk_snapshot_is_on_array(const VkSnapshot *snapshot)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->image->array)
			return TRUE;
	}
	return FALSE;
}

char *vk_snapshot_grade(const VkSnapshot *snapshot)
{
	return g_strconcat(snapshot->consistency, snapshot->incomplete ? ", incomplete" : NULL,
			   NULL);
}

char *vk_snapshot_reference(const VkSnapshot *snapshot)
{
	return g_strdup_printf("%s@%s", snapshot->name, snapshot->time);
}
