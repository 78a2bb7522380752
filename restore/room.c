/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include "errors.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Of a qcow2 image: 8 bytes for each 64 KiB in its tables, and its header and first tables. */
#define QCOW2_SHARE 8192
#define QCOW2_BASE  ((guint64)1024 * 1024)

/* One file system. Bytes. */
typedef struct Filesystem {
	guint64 device;
	char *directory; /* one on it, for people */
	guint64 free;
	guint64 needed;   /* by the plan at hand */
	guint64 released; /* by the plan at hand, when it is done */
} Filesystem;

struct VkRoom {
	GHashTable *filesystems; /* guint64 -> Filesystem */
};

static void filesystem_free(gpointer data)
{
	Filesystem *filesystem = data;

	g_free(filesystem->directory);
	g_free(filesystem);
}

VkRoom *vk_room_new(void)
{
	VkRoom *room = g_new0(VkRoom, 1);

	room->filesystems =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, filesystem_free);
	return room;
}

void vk_room_free(VkRoom *room)
{
	if (!room)
		return;
	g_hash_table_unref(room->filesystems);
	g_free(room);
}

/* Root may fill what is reserved for it. A file system that reports no size has no end. */
static guint64 free_bytes(const char *directory)
{
	struct statvfs facts;

	if (statvfs(directory, &facts) < 0 || facts.f_blocks == 0)
		return G_MAXUINT64;
	return (guint64)(geteuid() == 0 ? facts.f_bfree : facts.f_bavail) * facts.f_frsize;
}

/* The file system of PATH. A directory that does not exist yet will lie where its parent does. */
static Filesystem *find_filesystem(VkRoom *room, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	struct stat facts;
	Filesystem *filesystem;
	guint64 device;

	while (stat(directory, &facts) < 0 && strcmp(directory, "/") != 0) {
		char *parent = g_path_get_dirname(directory);

		g_free(directory);
		directory = parent;
	}
	device = facts.st_dev;
	filesystem = g_hash_table_lookup(room->filesystems, &device);
	if (!filesystem) {
		filesystem = g_new0(Filesystem, 1);
		filesystem->device = device;
		filesystem->free = free_bytes(directory);
		filesystem->directory = g_steal_pointer(&directory);
		g_hash_table_insert(room->filesystems, &filesystem->device, filesystem);
	}
	return filesystem;
}

static guint64 needed_by(const VkRestoreItem *item)
{
	guint64 bytes;

	if (item->clone)
		return 0;
	bytes = item->record ? item->record->allocated : item->text ? strlen(item->text) : 0;
	/* There are no holes in it. */
	if (item->place.secret && strcmp(item->place.format, "raw") == 0)
		bytes = item->place.size;
	if (strcmp(item->place.format, "qcow2") == 0)
		bytes += item->place.size / QCOW2_SHARE + QCOW2_BASE;
	return bytes;
}

static guint64 released_by(const VkRestorePlan *plan, const VkRestoreItem *item)
{
	struct stat facts;

	if (!item->exists || plan->old_mark || stat(item->place.path, &facts) < 0 ||
	    facts.st_nlink != 1)
		return 0;
	return (guint64)facts.st_blocks * 512;
}

static void add_item(VkRoom *room, const VkRestorePlan *plan, const VkRestoreItem *item)
{
	Filesystem *filesystem;

	if (item->place.kind != VK_PLACE_FILE)
		return;
	filesystem = find_filesystem(room, item->place.path);
	filesystem->needed += needed_by(item);
	/* The old file is there until the new one is whole. */
	filesystem->released += released_by(plan, item);
}

/* What is needed is known by whole blocks only. */
static char *shortage(const Filesystem *filesystem)
{
	g_autofree char *needed = g_format_size_full(filesystem->needed, G_FORMAT_SIZE_IEC_UNITS);
	g_autofree char *available = g_format_size_full(filesystem->free, G_FORMAT_SIZE_IEC_UNITS);

	if (filesystem->free == G_MAXUINT64)
		return g_strdup_printf("up to %s are to be written into '%s'", needed,
				       filesystem->directory);
	return g_strdup_printf("up to %s are to be written into '%s', where %s are free", needed,
			       filesystem->directory, available);
}

static gboolean check_filesystem(const Filesystem *filesystem, VkRestorePlan *plan, GError **error)
{
	g_autofree char *words = NULL;

	if (filesystem->needed <= filesystem->free)
		return TRUE;
	words = shortage(filesystem);
	if (!plan->force)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"there may not be enough room: %s; make room there, use --to DIR, or "
			"--force to try",
			words);
	vk_restore_plan_note(plan, "there may not be enough room: %s", words);
	return TRUE;
}

static void settle_filesystem(Filesystem *filesystem, VkRestorePlan *plan)
{
	plan->writes += filesystem->needed;
	if (filesystem->needed > 0) {
		g_autofree char *words = shortage(filesystem);

		g_ptr_array_add(plan->room, g_steal_pointer(&words));
	}
	if (filesystem->free != G_MAXUINT64)
		filesystem->free = filesystem->free - MIN(filesystem->free, filesystem->needed) +
				   filesystem->released;
	filesystem->needed = filesystem->released = 0;
}

gboolean vk_room_take(VkRoom *room, VkRestorePlan *plan, GError **error)
{
	GHashTableIter iter;
	gpointer filesystem;
	gboolean fits = TRUE;

	for (guint i = 0; i < plan->items->len; i++)
		add_item(room, plan, g_ptr_array_index(plan->items, i));
	g_hash_table_iter_init(&iter, room->filesystems);
	while (fits && g_hash_table_iter_next(&iter, NULL, &filesystem))
		fits = check_filesystem(filesystem, plan, error);
	g_hash_table_iter_init(&iter, room->filesystems);
	while (fits && g_hash_table_iter_next(&iter, NULL, &filesystem))
		settle_filesystem(filesystem, plan);
	/* A plan that does not fit is not applied: the next one has all that is free. */
	g_hash_table_iter_init(&iter, room->filesystems);
	while (!fits && g_hash_table_iter_next(&iter, NULL, &filesystem))
		((Filesystem *)filesystem)->needed = ((Filesystem *)filesystem)->released = 0;
	return fits;
}
