/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parts.h"

#include "errors.h"
#include "partition-table.h"
#include "volume-type.h"

struct VkParts {
	VkView *view;
	guint n_disks;
	GMutex mutex;   /* guards what follows */
	GArray **lists; /* of VkPart, one for each disk; NULL: not read yet */
};

VkParts *vk_parts_new(VkView *view)
{
	VkParts *parts = g_new0(VkParts, 1);

	parts->view = view;
	parts->n_disks = vk_view_snapshot(view)->disks->len;
	g_mutex_init(&parts->mutex);
	parts->lists = g_new0(GArray *, parts->n_disks);
	return parts;
}

void vk_parts_free(VkParts *parts)
{
	if (!parts)
		return;
	for (guint i = 0; i < parts->n_disks; i++)
		g_clear_pointer(&parts->lists[i], g_array_unref);
	g_free(parts->lists);
	g_mutex_clear(&parts->mutex);
	g_free(parts);
}

guint vk_parts_disks(const VkParts *parts)
{
	return parts->n_disks;
}

const VkViewFile *vk_parts_disk(const VkParts *parts, guint disk)
{
	const VkDiskRecord *record = g_ptr_array_index(vk_view_snapshot(parts->view)->disks, disk);
	const GPtrArray *files = vk_view_files(parts->view);
	const VkViewFile *file = NULL;

	for (guint i = 0; i < files->len; i++) {
		file = g_ptr_array_index(files, i);
		if (file->disk == record)
			break;
	}
	return file;
}

char *vk_parts_directory(const VkParts *parts, guint disk)
{
	const char *name = vk_parts_disk(parts, disk)->name;

	/* Without ".raw". */
	return g_strdup_printf("%.*s.parts", (int)strlen(name) - 4, name);
}

char *vk_parts_title(const VkParts *parts, guint disk)
{
	g_autofree char *reference = vk_snapshot_reference(vk_view_snapshot(parts->view));
	g_autofree char *directory = vk_parts_directory(parts, disk);

	return g_strdup_printf("%s:%s", reference, directory);
}

static void clear_part(VkPart *part)
{
	g_free(part->name);
}

/*
 * The exact number would need the whole map. Its share serves those who compare it with the size to
 * find out about holes. It is never 0, which tar(1) takes for a file without data.
 */
static guint64 share_of(const VkViewFile *file, guint64 size)
{
	gdouble share = (gdouble)file->allocated / (gdouble)file->size * (gdouble)size;

	return CLAMP((guint64)share, 1, size);
}

static gboolean add_part(GArray *list, const VkViewFile *file, VkImage *image,
			 const VkPartition *partition, GError **error)
{
	VkPart part = {.start = partition->start, .size = partition->size};
	const char *type;

	if (!vk_volume_type(image, partition->start, partition->size, &type, error))
		return FALSE;
	part.name = g_strdup_printf("p%u%s%s.raw", partition->number, type ? "." : "",
				    type ? type : "");
	part.allocated = share_of(file, partition->size);
	g_array_append_val(list, part);
	return TRUE;
}

static GArray *read_held(const VkParts *parts, const VkViewFile *file, GError **error)
{
	g_autoptr(VkImage) image = vk_view_open_image(parts->view, file->record, error);
	g_autoptr(VkPartitionTable) table = image ? vk_partition_table_read(image, error) : NULL;
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(VkPart));

	if (!table)
		return NULL;
	g_array_set_clear_func(list, (GDestroyNotify)clear_part);
	for (guint i = 0; i < table->partitions->len; i++)
		if (!add_part(list, file, image, &g_array_index(table->partitions, VkPartition, i),
			      error))
			return NULL;
	return g_steal_pointer(&list);
}

/* Damage of the disk is not damage of the snapshot, and a copy that is gone is no missing name. */
static GArray *read_list(const VkParts *parts, guint disk, GError **error)
{
	g_autofree char *title = vk_parts_title(parts, disk);
	g_autoptr(GError) trouble = NULL;
	GArray *list;

	if (!vk_view_hold(parts->view, error))
		return NULL;
	list = read_held(parts, vk_parts_disk(parts, disk), &trouble);
	vk_view_release(parts->view);
	if (!list)
		vk_fail(error, VK_ERROR_FAILED, "cannot find the partitions '%s': %s", title,
			trouble->message);
	return list;
}

const GArray *vk_parts_list(VkParts *parts, guint disk, GError **error)
{
	GArray *list, *fresh;

	g_mutex_lock(&parts->mutex);
	list = parts->lists[disk];
	g_mutex_unlock(&parts->mutex);
	if (list)
		return list;
	/* Without the lock: an array may take its time. */
	fresh = read_list(parts, disk, error);
	if (!fresh)
		return NULL;
	g_mutex_lock(&parts->mutex);
	if (!parts->lists[disk])
		parts->lists[disk] = g_steal_pointer(&fresh);
	list = parts->lists[disk];
	g_mutex_unlock(&parts->mutex);
	g_clear_pointer(&fresh, g_array_unref);
	return list;
}
