/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "view.h"

#include "catalog.h"
#include "errors.h"
#include "json.h"
#include "read-lease.h"
#include "vault-parts.h"
#include "vault-image.h"

#include <stdlib.h>
#include <string.h>

struct VkView {
	VkVault *vault;
	VkSnapshot *snapshot;
	const VkOtherVaults *others; /* nullable */
	GPtrArray *files;            /* VkViewFile */
	GHashTable *by_name;         /* the same files; names are borrowed from them */
	VkViewFile *report;          /* of FILES: snapshot.json */
	GMutex report_mutex;         /* guards its text and sizes until it has them */
	GMutex mutex;                /* guards what follows */
	GPtrArray *later;            /* VkSnapshot: loaded again to find newer copies */
	GMutex hold_mutex;           /* guards what follows */
	guint holds;
	VkReadLease *lease; /* NULL: it is not held */
};

static void file_free(gpointer data)
{
	VkViewFile *file = data;

	g_free(file->name);
	g_free(file->text);
	g_free(file);
}

/* Takes NAME. A name that is there already gets a prefix. */
static VkViewFile *add_file(VkView *view, char *name)
{
	VkViewFile *file = g_new0(VkViewFile, 1);

	while (g_hash_table_contains(view->by_name, name)) {
		char *longer = g_strconcat("_", name, NULL);

		g_free(name);
		name = longer;
	}
	file->name = name;
	g_ptr_array_add(view->files, file);
	g_hash_table_insert(view->by_name, file->name, file);
	return file;
}

/* Takes TEXT. */
static void set_text(VkViewFile *file, char *text)
{
	file->text = text;
	file->size = strlen(text);
	file->allocated = file->size;
}

static void add_image(VkView *view, char *name, const VkImageRecord *record,
		      const VkDiskRecord *disk)
{
	VkViewFile *file = add_file(view, name);

	file->disk = disk;
	file->record = record;
	file->size = record->size;
	file->allocated = record->allocated;
}

static gboolean is_on_array(const VkVault *vault, const VkImageRecord *record)
{
	return record->array && vault->reader.has &&
	       vault->reader.has(vault->reader.data, record->array);
}

/* The copy that serves an image, "vault" or an array's name; null: none. New reference. */
static json_t *find_serving(const VkVault *vault, const VkImageRecord *record)
{
	g_autofree char *replica = NULL;

	if (is_on_array(vault, record))
		return json_incref(json_object_get(record->array, "array"));
	if (record->runs)
		return json_string("vault");
	if (record->array && vault->reader.replica)
		replica = vault->reader.replica(vault->reader.data, record->array);
	return replica ? vk_json_new_string(replica) : json_null();
}

/* Adds which copy serves each disk. */
static void tell_serving(const VkVault *vault, const VkSnapshot *snapshot, json_t *report)
{
	json_t *disks = json_object_get(report, "disks"), *disk;
	gsize i;

	json_array_foreach (disks, i, disk) {
		const VkDiskRecord *record = g_ptr_array_index(snapshot->disks, i);

		json_object_set_new(disk, "serves", find_serving(vault, record->image));
	}
}

static char *report_text(const VkVault *vault, const VkSnapshot *snapshot)
{
	g_autoptr(json_t) report = vk_snapshot_to_report(snapshot);
	char *text, *line;

	tell_serving(vault, snapshot, report);
	text = json_dumps(report, JSON_INDENT(2));
	line = g_strconcat(text, "\n", NULL);
	free(text);
	return line;
}

static gint compare_records(gconstpointer a, gconstpointer b)
{
	const VkFileRecord *left = *(const VkFileRecord *const *)a;
	const VkFileRecord *right = *(const VkFileRecord *const *)b;

	return strcmp(left->name, right->name);
}

VkView *vk_view_new(VkVault *vault, VkSnapshot *snapshot)
{
	VkView *view = g_new0(VkView, 1);
	g_autoptr(GPtrArray) records = g_ptr_array_copy(snapshot->files, NULL, NULL);

	view->vault = vault;
	view->snapshot = snapshot;
	g_mutex_init(&view->report_mutex);
	g_mutex_init(&view->mutex);
	g_mutex_init(&view->hold_mutex);
	view->later = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_free);
	view->files = g_ptr_array_new_with_free_func(file_free);
	view->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	set_text(add_file(view, g_strdup(VK_VIEW_DEFINITION)), g_strdup(snapshot->domain_xml));
	if (snapshot->live_xml)
		set_text(add_file(view, g_strdup("live.xml")), g_strdup(snapshot->live_xml));
	view->report = add_file(view, g_strdup("snapshot.json"));
	view->report->may_change = TRUE;
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		add_image(view, g_strconcat(disk->target, ".raw", NULL), disk->image, disk);
	}
	/* The copy came with the free function, but the snapshot keeps its records. */
	g_ptr_array_set_free_func(records, NULL);
	g_ptr_array_sort(records, compare_records);
	for (guint i = 0; i < records->len; i++) {
		const VkFileRecord *record = g_ptr_array_index(records, i);

		add_image(view, g_strdup(record->name), record->image, NULL);
	}
	return view;
}

void vk_view_free(VkView *view)
{
	if (!view)
		return;
	g_hash_table_unref(view->by_name);
	g_ptr_array_unref(view->files);
	vk_snapshot_free(view->snapshot);
	g_ptr_array_unref(view->later);
	g_mutex_clear(&view->report_mutex);
	g_mutex_clear(&view->mutex);
	vk_read_lease_end(view->lease);
	g_mutex_clear(&view->hold_mutex);
	g_free(view);
}

void vk_view_set_others(VkView *view, const VkOtherVaults *others)
{
	view->others = others;
}

const VkSnapshot *vk_view_snapshot(const VkView *view)
{
	return view->snapshot;
}

gboolean vk_view_hold(VkView *view, GError **error)
{
	const VkSnapshot *snapshot = view->snapshot;
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&view->hold_mutex);

	if (!view->lease)
		view->lease = vk_read_lease_begin(view->vault, &key, error);
	if (!view->lease)
		return FALSE;
	view->holds++;
	return TRUE;
}

void vk_view_release(VkView *view)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&view->hold_mutex);

	if (--view->holds == 0)
		vk_read_lease_end(g_steal_pointer(&view->lease));
}

/*
 * Made when it is first looked at: an array that does not answer would delay the load of the view.
 */
static void make_report(VkView *view)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&view->report_mutex);

	if (!view->report->text)
		set_text(view->report, report_text(view->vault, view->snapshot));
}

const GPtrArray *vk_view_files(VkView *view)
{
	make_report(view);
	return view->files;
}

const VkViewFile *vk_view_find(VkView *view, const char *name)
{
	make_report(view);
	return g_hash_table_lookup(view->by_name, name);
}

/* The record of the disk TARGET in the vault; NULL when there is none. */
static const VkImageRecord *find_runs(const VkSnapshot *snapshot, const char *target)
{
	const VkDiskRecord *disk = vk_snapshot_find_disk(snapshot, target);

	return disk && disk->image->runs ? disk->image : NULL;
}

/*
 * The record of the same disk as the snapshot is now. It keeps a record that it loaded if the
 * record has a new copy, because images may be open by it.
 */
static const VkImageRecord *find_later(VkView *view, const char *target)
{
	const VkSnapshot *snapshot = view->snapshot;
	const VkSnapshotKey key = {
		.uuid = snapshot->uuid, .time = snapshot->time, .id = snapshot->id};
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&view->mutex);
	const VkImageRecord *record = NULL;
	g_autoptr(VkSnapshot) now = NULL;

	for (guint i = 0; !record && i < view->later->len; i++)
		record = find_runs(g_ptr_array_index(view->later, i), target);
	if (record)
		return record;
	now = vk_catalog_load(view->vault, &key, NULL);
	record = now ? find_runs(now, target) : NULL;
	if (record)
		g_ptr_array_add(view->later, g_steal_pointer(&now));
	return record;
}

/* The target of the disk with that record; NULL: it is not of a disk. */
static const char *target_of(const VkView *view, const VkImageRecord *record)
{
	for (guint i = 0; i < view->snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(view->snapshot->disks, i);

		if (disk->image == record)
			return disk->target;
	}
	return NULL;
}

static VkImage *open_on_array(const VkVault *vault, const VkImageRecord *record, GError **error)
{
	g_autoptr(VkImage) image = vault->reader.open(vault->reader.data, record->array, error);

	if (!image || image->size == record->size)
		return g_steal_pointer(&image);
	vk_fail(error, VK_ERROR_DAMAGE, "its copy on the array has another size than it had");
	return NULL;
}

VkImage *vk_view_open_image(VkView *view, const VkImageRecord *record, GError **error)
{
	const char *target = target_of(view, record);
	const VkImageRecord *saved = record;
	VkImage *image = NULL;

	if (is_on_array(view->vault, record))
		image = open_on_array(view->vault, record, NULL);
	if (image)
		return image;
	if (!record->runs)
		saved = target ? find_later(view, target) : NULL;
	if (saved)
		image = vk_vault_image_open(view->vault, saved, error);
	if (image && view->others)
		return vk_view_add_spare(image, view->snapshot, record, vk_vault_url(view->vault),
					 view->others);
	if (saved)
		return image;
	/* A replica may serve. If not, the array knows why, and perhaps what helps. */
	if (record->array && view->vault->reader.open)
		image = open_on_array(view->vault, record, error);
	else
		vk_fail(error, VK_ERROR_NOT_FOUND, "it is on an array, which cannot be read here");
	if (!image)
		g_prefix_error(error, "the vault has no copy, and the copy on the array is gone "
				      "or cannot be read: ");
	return image;
}
