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
typedef struct Shelf {
	guint64 device;
	char *directory; /* one on it, for people */
	guint64 free;
	guint64 needed;   /* by the plan at hand */
	guint64 released; /* by the plan at hand, when it is done */
} Shelf;

struct VkRoom {
	GHashTable *shelves; /* guint64 -> Shelf */
};

static void shelf_free(gpointer data)
{
	Shelf *shelf = data;

	g_free(shelf->directory);
	g_free(shelf);
}

VkRoom *vk_room_new(void)
{
	VkRoom *room = g_new0(VkRoom, 1);

	room->shelves = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, shelf_free);
	return room;
}

void vk_room_free(VkRoom *room)
{
	if (!room)
		return;
	g_hash_table_unref(room->shelves);
	g_free(room);
}

/* Root may fill what is reserved for it. A file system that tells nothing has no end. */
static guint64 free_bytes(const char *directory)
{
	struct statvfs facts;

	if (statvfs(directory, &facts) < 0 || facts.f_blocks == 0)
		return G_MAXUINT64;
	return (guint64)(geteuid() == 0 ? facts.f_bfree : facts.f_bavail) * facts.f_frsize;
}

/* Where PATH will be. Directories that are still to be made lie where their parents do. */
static Shelf *find_shelf(VkRoom *room, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	struct stat facts;
	Shelf *shelf;
	guint64 device;

	while (stat(directory, &facts) < 0 && strcmp(directory, "/") != 0) {
		char *parent = g_path_get_dirname(directory);

		g_free(directory);
		directory = parent;
	}
	device = facts.st_dev;
	shelf = g_hash_table_lookup(room->shelves, &device);
	if (!shelf) {
		shelf = g_new0(Shelf, 1);
		shelf->device = device;
		shelf->free = free_bytes(directory);
		shelf->directory = g_steal_pointer(&directory);
		g_hash_table_insert(room->shelves, &shelf->device, shelf);
	}
	return shelf;
}

static guint64 needed_by(const VkPlanItem *item)
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

static guint64 released_by(const VkPlan *plan, const VkPlanItem *item)
{
	struct stat facts;

	if (!item->exists || plan->old_mark || stat(item->place.path, &facts) < 0 ||
	    facts.st_nlink != 1)
		return 0;
	return (guint64)facts.st_blocks * 512;
}

static void add_item(VkRoom *room, const VkPlan *plan, const VkPlanItem *item)
{
	Shelf *shelf;

	if (item->place.kind != VK_PLACE_FILE)
		return;
	shelf = find_shelf(room, item->place.path);
	shelf->needed += needed_by(item);
	/* The old file is there until the new one is whole. */
	shelf->released += released_by(plan, item);
}

/* What is needed is known by whole blocks only. */
static char *shortage(const Shelf *shelf)
{
	g_autofree char *needed = g_format_size_full(shelf->needed, G_FORMAT_SIZE_IEC_UNITS);
	g_autofree char *left = g_format_size_full(shelf->free, G_FORMAT_SIZE_IEC_UNITS);

	if (shelf->free == G_MAXUINT64)
		return g_strdup_printf("up to %s are to be written into '%s'", needed,
				       shelf->directory);
	return g_strdup_printf("up to %s are to be written into '%s', where %s are free", needed,
			       shelf->directory, left);
}

static gboolean check_shelf(const Shelf *shelf, VkPlan *plan, GError **error)
{
	g_autofree char *words = NULL;

	if (shelf->needed <= shelf->free)
		return TRUE;
	words = shortage(shelf);
	if (!plan->force)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"there may not be enough room: %s; make room there, use --to DIR, or "
			"--force to try",
			words);
	vk_plan_note(plan, "there may not be enough room: %s", words);
	return TRUE;
}

static void settle_shelf(Shelf *shelf, VkPlan *plan)
{
	plan->writes += shelf->needed;
	if (shelf->needed > 0) {
		g_autofree char *words = shortage(shelf);

		g_ptr_array_add(plan->room, g_steal_pointer(&words));
	}
	if (shelf->free != G_MAXUINT64)
		shelf->free = shelf->free - MIN(shelf->free, shelf->needed) + shelf->released;
	shelf->needed = shelf->released = 0;
}

gboolean vk_room_take(VkRoom *room, VkPlan *plan, GError **error)
{
	GHashTableIter iter;
	gpointer shelf;
	gboolean fits = TRUE;

	for (guint i = 0; i < plan->items->len; i++)
		add_item(room, plan, g_ptr_array_index(plan->items, i));
	g_hash_table_iter_init(&iter, room->shelves);
	while (fits && g_hash_table_iter_next(&iter, NULL, &shelf))
		fits = check_shelf(shelf, plan, error);
	g_hash_table_iter_init(&iter, room->shelves);
	while (fits && g_hash_table_iter_next(&iter, NULL, &shelf))
		settle_shelf(shelf, plan);
	/* A plan that does not fit is not applied: the next one has all that is free. */
	g_hash_table_iter_init(&iter, room->shelves);
	while (!fits && g_hash_table_iter_next(&iter, NULL, &shelf))
		((Shelf *)shelf)->needed = ((Shelf *)shelf)->released = 0;
	return fits;
}
