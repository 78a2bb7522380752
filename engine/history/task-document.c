/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command's result says of guests. It is our own, so what does not fit is only left out. */
#include "task.h"

#include "json.h"

#include <string.h>

#define DISKS_MAX 1000u

/* What vk_json_new_uint() made; 0 for anything else. */
static guint64 number(const json_t *object, const char *key)
{
	guint64 value = 0;

	return vk_json_uint(object, key, &value, NULL) ? value : 0;
}

static char *text(const json_t *object, const char *key)
{
	return g_strdup(vk_json_optional_string(object, key));
}

static void add_disk(VkTaskGuest *guest, const json_t *item)
{
	const char *target = vk_json_optional_string(item, "target");
	VkTaskDisk *disk;

	if (!target || guest->disks->len >= DISKS_MAX)
		return;
	disk = vk_task_disk_new(target);
	disk->mode = text(item, "mode");
	disk->reason = text(item, "reason");
	disk->size = number(item, "size");
	disk->read = number(item, "read");
	disk->fresh = number(item, "new");
	disk->stored = number(item, "stored");
	guest->read += disk->read;
	guest->fresh += disk->fresh;
	guest->stored += disk->stored;
	g_ptr_array_add(guest->disks, disk);
}

/* A snapshot names its guest before the '@'. Nullable: nobody is named. */
static VkTaskGuest *new_guest(const json_t *item)
{
	const char *name = vk_json_optional_string(item, "guest");
	const char *snapshot = vk_json_optional_string(item, "snapshot");
	const char *at = snapshot ? strrchr(snapshot, '@') : NULL;
	g_autofree char *first = at ? g_strndup(snapshot, (gsize)(at - snapshot)) : NULL;
	VkTaskGuest *guest;

	if (!name && !snapshot)
		return NULL;
	guest = vk_task_guest_new(name ? name : first ? first : snapshot);
	guest->time = text(item, "time");
	if (!guest->time && at)
		guest->time = g_strdup(at + 1);
	return guest;
}

/* A guest of which the policy forgot nothing. */
static gboolean is_untouched(const json_t *item)
{
	const json_t *forgotten = json_object_get(item, "forgotten");

	return json_is_integer(forgotten) && json_integer_value(forgotten) == 0;
}

static void add_guest(VkTask *task, const json_t *item)
{
	VkTaskGuest *guest = task->guests->len < VK_TASK_GUESTS_MAX ? new_guest(item) : NULL;
	const json_t *disks = json_object_get(item, "disks");
	const json_t *disk;
	size_t i;

	if (!guest)
		return;
	if (is_untouched(item)) {
		vk_task_guest_free(guest);
		return;
	}
	guest->uuid = text(item, "uuid");
	guest->grade = text(item, "consistency");
	guest->error = text(item, "error");
	guest->pause_msec = number(item, "pause_ms");
	guest->duration_msec =
		number(item, json_object_get(item, "copy_ms") ? "copy_ms" : "duration_ms");
	json_array_foreach (disks, i, disk)
		add_disk(guest, disk);
	g_ptr_array_add(task->guests, guest);
}

static void add_guests(VkTask *task, const json_t *items)
{
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		if (json_is_object(item))
			add_guest(task, item);
		else if (json_is_string(item) && task->guests->len < VK_TASK_GUESTS_MAX)
			g_ptr_array_add(task->guests, vk_task_guest_new(json_string_value(item)));
	}
}

void vk_task_set_document(VkTask *task, const json_t *document)
{
	static const char *const lists[] = {"snapshots", "restored", "guests", "failed"};
	g_autofree char *line = vk_json_line(document);

	/* Forgetting by name gives a bare list. */
	add_guests(task, document);
	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		add_guests(task, json_object_get(document, lists[i]));
	if (strlen(line) <= VK_TASK_DOCUMENT_MAX)
		task->document = g_steal_pointer(&line);
}
