/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON forms of a snapshot: written, and the report for programs. The reader: snapshot-parse.c
 */
#include "snapshot.h"

#include "pack-id.h"
#include "snapshot-json-priv.h"

#include "json.h"

const VkTextMember vk_snapshot_texts[] = {
	{"id", G_STRUCT_OFFSET(VkSnapshot, id), FALSE},
	{"uuid", G_STRUCT_OFFSET(VkSnapshot, uuid), FALSE},
	{"name", G_STRUCT_OFFSET(VkSnapshot, name), FALSE},
	{"host", G_STRUCT_OFFSET(VkSnapshot, host), FALSE},
	{"time", G_STRUCT_OFFSET(VkSnapshot, time), FALSE},
	{"group", G_STRUCT_OFFSET(VkSnapshot, group), TRUE},
	{"label", G_STRUCT_OFFSET(VkSnapshot, label), TRUE},
	{"parent", G_STRUCT_OFFSET(VkSnapshot, parent), TRUE},
	{"previous", G_STRUCT_OFFSET(VkSnapshot, previous), TRUE},
	{"previous_sha256", G_STRUCT_OFFSET(VkSnapshot, previous_sha256), TRUE},
	{"consistency", G_STRUCT_OFFSET(VkSnapshot, consistency), FALSE},
	{"tool", G_STRUCT_OFFSET(VkSnapshot, tool), FALSE},
	{"state", G_STRUCT_OFFSET(VkSnapshot, state), FALSE},
	{"domain_xml", G_STRUCT_OFFSET(VkSnapshot, domain_xml), FALSE},
	{"live_xml", G_STRUCT_OFFSET(VkSnapshot, live_xml), TRUE},
	{"checkpoint", G_STRUCT_OFFSET(VkSnapshot, checkpoint), TRUE},
	{"checkpoint_xml", G_STRUCT_OFFSET(VkSnapshot, checkpoint_xml), TRUE},
	{NULL},
};

const VkTextMember vk_disk_texts[] = {
	{"target", G_STRUCT_OFFSET(VkDiskRecord, target), FALSE},
	{"bus", G_STRUCT_OFFSET(VkDiskRecord, bus), TRUE},
	{"format", G_STRUCT_OFFSET(VkDiskRecord, format), TRUE},
	{"source_type", G_STRUCT_OFFSET(VkDiskRecord, source_type), TRUE},
	{"source", G_STRUCT_OFFSET(VkDiskRecord, source), TRUE},
	{"mode", G_STRUCT_OFFSET(VkDiskRecord, mode), FALSE},
	{"reason", G_STRUCT_OFFSET(VkDiskRecord, reason), TRUE},
	{"bitmap", G_STRUCT_OFFSET(VkDiskRecord, bitmap), TRUE},
	{NULL},
};

const VkTextMember vk_file_texts[] = {
	{"name", G_STRUCT_OFFSET(VkFileRecord, name), FALSE},
	{"role", G_STRUCT_OFFSET(VkFileRecord, role), FALSE},
	{"path", G_STRUCT_OFFSET(VkFileRecord, path), TRUE},
	{NULL},
};

const VkTextMember vk_skip_texts[] = {
	{"target", G_STRUCT_OFFSET(VkSkipRecord, target), FALSE},
	{"reason", G_STRUCT_OFFSET(VkSkipRecord, reason), TRUE},
	{NULL},
};

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		g_error("out of memory");
}

static void set_uint(json_t *object, const char *key, guint64 value)
{
	set(object, key, vk_json_new_uint(value));
}

static void append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		g_error("out of memory");
}

/* The text members of RECORD. Optional ones that are NULL are left out. */
static json_t *new_with_texts(const void *record, const VkTextMember *members)
{
	json_t *object = json_object();

	for (const VkTextMember *member = members; member->key; member++) {
		const char *text = *(char *const *)((const char *)record + member->offset);

		if (text || !member->optional)
			set(object, member->key, vk_json_new_string(text));
	}
	return object;
}

static json_t *segment_to_json(const VkSegment *segment)
{
	char hex[2 * VK_ID_SIZE + 1];
	json_t *object = json_object();

	vk_pack_id_format(&segment->pack, hex);
	set(object, "pack", json_string(hex));
	set_uint(object, "slot", segment->slot);
	set_uint(object, "pages", segment->pages);
	set_uint(object, "first", segment->first_block);
	set_uint(object, "last", segment->last_block);
	return object;
}

static json_t *run_to_json(const VkRun *run)
{
	json_t *object = json_object(), *segments = json_array();

	for (guint i = 0; i < run->segments->len; i++)
		append(segments, segment_to_json(&g_array_index(run->segments, VkSegment, i)));
	set_uint(object, "extents", run->extents);
	set(object, "segments", segments);
	return object;
}

static json_t *vault_copy_to_json(const VkImageRecord *image)
{
	json_t *copy = json_object(), *runs = json_array();

	for (guint i = 0; i < image->runs->len; i++)
		append(runs, run_to_json(g_ptr_array_index(image->runs, i)));
	set(copy, "kind", json_string(VK_COPY_VAULT));
	set(copy, "runs", runs);
	return copy;
}

static json_t *array_copy_to_json(const VkImageRecord *image)
{
	json_t *copy = json_deep_copy(image->array);

	set(copy, "kind", json_string(VK_COPY_ARRAY));
	return copy;
}

static void set_image(json_t *object, const VkImageRecord *image)
{
	json_t *copies = json_array();

	if (image->runs)
		append(copies, vault_copy_to_json(image));
	if (image->array)
		append(copies, array_copy_to_json(image));
	set_uint(object, "size", image->size);
	set_uint(object, "allocated", image->allocated);
	set(object, "copies", copies);
}

static json_t *disk_to_json(const VkDiskRecord *disk)
{
	json_t *object = new_with_texts(disk, vk_disk_texts);

	if (disk->inode)
		set_uint(object, "inode", disk->inode);
	if (disk->layout)
		set(object, "layout", json_incref(disk->layout));
	set_uint(object, "read", disk->read);
	set_uint(object, "new", disk->fresh);
	set_uint(object, "stored", disk->stored);
	set_image(object, disk->image);
	return object;
}

static json_t *file_to_json(const VkFileRecord *file)
{
	json_t *object = new_with_texts(file, vk_file_texts);

	set_uint(object, "mode", file->mode);
	set_image(object, file->image);
	return object;
}

static json_t *skipped_to_json(const VkSnapshot *snapshot)
{
	json_t *list = json_array();

	for (guint i = 0; i < snapshot->skipped->len; i++)
		append(list,
		       new_with_texts(g_ptr_array_index(snapshot->skipped, i), vk_skip_texts));
	return list;
}

json_t *vk_snapshot_to_json(const VkSnapshot *snapshot)
{
	json_t *object = new_with_texts(snapshot, vk_snapshot_texts);
	json_t *disks = json_array(), *files = json_array();

	for (guint i = 0; i < snapshot->disks->len; i++)
		append(disks, disk_to_json(g_ptr_array_index(snapshot->disks, i)));
	for (guint i = 0; i < snapshot->files->len; i++)
		append(files, file_to_json(g_ptr_array_index(snapshot->files, i)));
	set_uint(object, "format", VK_FORMAT_VERSION);
	set_uint(object, "pause_us", snapshot->pause_usec);
	set_uint(object, "skew_us", snapshot->skew_usec);
	set_uint(object, "duration_us", snapshot->duration_usec);
	set_uint(object, "scratch", snapshot->scratch);
	if (snapshot->number > 0)
		set_uint(object, "number", snapshot->number);
	if (snapshot->incomplete)
		set(object, "incomplete", json_true());
	set(object, "persistent", json_boolean(snapshot->persistent));
	set(object, "autostart", json_boolean(snapshot->autostart));
	set(object, "disks", disks);
	set(object, "skipped", skipped_to_json(snapshot));
	set(object, "files", files);
	return object;
}

json_t *vk_snapshot_copies_to_json(const VkSnapshot *snapshot)
{
	json_t *object = json_object(), *disks = json_array();

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		json_t *item;

		if (!disk->image->runs)
			continue;
		item = vault_copy_to_json(disk->image);
		set(item, "target", vk_json_new_string(disk->target));
		set_uint(item, "size", disk->image->size);
		set_uint(item, "allocated", disk->image->allocated);
		set_uint(item, "read", disk->read);
		set_uint(item, "new", disk->fresh);
		set_uint(item, "stored", disk->stored);
		append(disks, item);
	}
	set(object, "id", vk_json_new_string(snapshot->id));
	set_uint(object, "format", VK_FORMAT_VERSION);
	set(object, "disks", disks);
	return object;
}

/* The names of the places that have a copy. */
static json_t *copies_to_report(const VkImageRecord *image)
{
	json_t *copies = json_array();

	if (image->array)
		append(copies, json_incref(json_object_get(image->array, "array")));
	if (image->runs)
		append(copies, json_string(VK_COPY_VAULT));
	return copies;
}

static json_t *disk_to_report(const VkDiskRecord *disk)
{
	json_t *object = json_object();

	set(object, "target", vk_json_new_string(disk->target));
	set_uint(object, "size", disk->image->size);
	set(object, "mode", vk_json_new_string(disk->mode));
	set(object, "reason", vk_json_new_string(disk->reason));
	set_uint(object, "read", disk->read);
	set_uint(object, "new", disk->fresh);
	set_uint(object, "stored", disk->stored);
	set(object, "bitmap", vk_json_new_string(disk->bitmap));
	set(object, "format", vk_json_new_string(disk->format));
	set(object, "source", vk_json_new_string(disk->source));
	set(object, "copies", copies_to_report(disk->image));
	return object;
}

static json_t *file_to_report(const VkFileRecord *file)
{
	json_t *object = json_object();

	set(object, "name", vk_json_new_string(file->name));
	set(object, "role", vk_json_new_string(file->role));
	set_uint(object, "size", file->image->size);
	return object;
}

json_t *vk_snapshot_to_report(const VkSnapshot *snapshot)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);
	json_t *object = json_object(), *disks = json_array(), *files = json_array();

	for (guint i = 0; i < snapshot->disks->len; i++)
		append(disks, disk_to_report(g_ptr_array_index(snapshot->disks, i)));
	for (guint i = 0; i < snapshot->files->len; i++)
		append(files, file_to_report(g_ptr_array_index(snapshot->files, i)));
	set(object, "snapshot", vk_json_new_string(reference));
	set(object, "id", vk_json_new_string(snapshot->id));
	set(object, "parent", vk_json_new_string(snapshot->parent));
	set(object, "guest", vk_json_new_string(snapshot->name));
	set(object, "uuid", vk_json_new_string(snapshot->uuid));
	set(object, "time", vk_json_new_string(snapshot->time));
	set(object, "group", vk_json_new_string(snapshot->group));
	set(object, "label", vk_json_new_string(snapshot->label));
	set(object, "consistency", vk_json_new_string(snapshot->consistency));
	set(object, "incomplete", json_boolean(snapshot->incomplete));
	/* Rounded up: 0 says that there was no pause. */
	set_uint(object, "pause_ms", (snapshot->pause_usec + 999) / 1000);
	set_uint(object, "skew_ms", (snapshot->skew_usec + 999) / 1000);
	set_uint(object, "duration_ms", (snapshot->duration_usec + 999) / 1000);
	set_uint(object, "scratch", snapshot->scratch);
	set(object, "checkpoint", vk_json_new_string(snapshot->checkpoint));
	set(object, "host", vk_json_new_string(snapshot->host));
	set(object, "state", vk_json_new_string(snapshot->state));
	set(object, "disks", disks);
	set(object, "skipped", skipped_to_json(snapshot));
	set(object, "files", files);
	return object;
}
