/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an appliance answers, which reads the disks of a guest and may be the guest's by now. The
 * input is which question comes first, and then messages as they are sent. No answer leads out of
 * the directory that was asked for, or behind the end of a file.
 */
#include "appliance.h"
#include "errors.h"
#include "fuzz.h"
#include "guest-files-priv.h"
#include "guest-node.h"
#include "volume-keys.h"

#include <string.h>
#include <sys/stat.h>

#define READ_LENGTH 4096

struct VkAppliance {
	const uint8_t *at;
	size_t left;
};

/* In place of the appliance. */
VkAppliance *vk_appliance_start(const VkMachineKind *kind, GPtrArray *images,
				const GPtrArray *names, guint64 memory, GError **error)
{
	vk_fail(error, VK_ERROR_FAILED, "it does not start again");
	return NULL;
}

void vk_appliance_free(VkAppliance *appliance)
{
}

gboolean vk_appliance_send(VkAppliance *appliance, VkMessage *message, GError **error)
{
	vk_message_end(message);
	g_assert(!message->failed);
	return TRUE;
}

gboolean vk_appliance_receive(VkAppliance *appliance, VkMessageType *ret_type, VkBody *ret_body,
			      GError **error)
{
	size_t length;

	if (appliance->left < VK_MESSAGE_HEAD ||
	    !vk_message_parse_head(appliance->at, &length, ret_type) ||
	    length > appliance->left - VK_MESSAGE_HEAD) {
		appliance->left = 0;
		return vk_fail(error, VK_ERROR_FAILED, "it ended");
	}
	*ret_body = (VkBody){.at = appliance->at + VK_MESSAGE_HEAD, .left = length};
	appliance->at += VK_MESSAGE_HEAD + length;
	appliance->left -= VK_MESSAGE_HEAD + length;
	return TRUE;
}

const GError *vk_appliance_disk_trouble(VkAppliance *appliance)
{
	return NULL;
}

/* The last entry of a walk. */
typedef struct Last {
	guint64 size, next, next_range;
} Last;

static void check_path(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	for (char **part = parts; *path && *part; part++)
		g_assert(**part && strcmp(*part, ".") != 0 && strcmp(*part, "..") != 0);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	check_path(entry->path);
	g_assert(!entry->target == !S_ISLNK(entry->mode));
	g_assert(entry->size <= G_MAXINT64 && entry->mtime_nsec < 1000000000);
	*(Last *)data = (Last){.size = S_ISREG(entry->mode) ? entry->size : 0};
	return TRUE;
}

static gboolean take_range(gpointer data, guint64 offset, guint64 length, GError **error)
{
	Last *last = data;

	g_assert(offset >= last->next_range || length == 0);
	g_assert(offset <= last->size && length <= last->size - offset);
	last->next_range = offset + length;
	return TRUE;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	Last *last = data;

	g_assert(offset >= last->next && offset <= last->size && length <= last->size - offset);
	last->next = offset + length;
	return TRUE;
}

static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	g_assert(strlen(name) <= 255 && length <= 65536);
	return TRUE;
}

static void walk(VkGuestFiles *files)
{
	Last last = {0};
	const VkWalk everything = {.path = "/",
				   .flags = VK_WALK_DEEP | VK_WALK_DATA | VK_WALK_ATTRIBUTES |
					    VK_WALK_RANGES,
				   .quiet = TRUE};
	const VkWalkCalls calls = {.entry = take_entry,
				   .range = take_range,
				   .bytes = take_bytes,
				   .attribute = take_attribute,
				   .data = &last};

	vk_guest_files_walk(files, &everything, &calls, NULL);
}

static void list_volumes(VkGuestFiles *files)
{
	g_autofree char *note = NULL;
	g_autoptr(GPtrArray) volumes = vk_guest_files_volumes(files, &note, NULL);

	for (guint i = 0; volumes && i < volumes->len; i++)
		g_assert(((const VkVolume *)g_ptr_array_index(volumes, i))->name);
}

static const VkPlace place = {.path = "/file"};

static void look(VkGuestFiles *files)
{
	VkEntry entry = {0};

	if (vk_guest_node_look(files, &place, &entry, NULL))
		g_assert(!*entry.path);
	g_free(entry.path);
	g_free(entry.target);
}

static void list(VkGuestFiles *files)
{
	g_autoptr(VkPage) page = vk_guest_node_list(files, &place, 0, NULL);

	for (guint i = 0; page && i < page->entries->len; i++) {
		const char *name = g_array_index(page->entries, VkPageEntry, i).entry.path;

		g_assert(*name && !strchr(name, '/'));
	}
}

static void read_node(VkGuestFiles *files)
{
	g_autofree guint8 *buffer = g_malloc(READ_LENGTH);

	vk_guest_node_read(files, &place, 10, buffer, READ_LENGTH, NULL);
}

static void seek(VkGuestFiles *files)
{
	gboolean found;
	guint64 at;

	if (vk_guest_node_seek(files, &place, 10, TRUE, &found, &at, NULL))
		g_assert(!found || (at >= 10 && at <= G_MAXINT64));
}

static void list_attributes(VkGuestFiles *files)
{
	g_autoptr(GHashTable) attributes = vk_guest_node_attributes(files, &place, NULL);

	g_assert(!attributes || g_hash_table_size(attributes) <= 1024);
}

static void (*const questions[])(VkGuestFiles *files) = {
	list_volumes, walk, look, list, read_node, seek, list_attributes,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VkAppliance appliance = {data + 1, size - 1};
	g_autoptr(VkVolumeKeys) keys = vk_volume_keys_new(NULL, NULL);

	if (size == 0)
		return 0;
	for (guint next = data[0]; appliance.left > 0; next++) {
		/* As many as are asked for at most, so that nobody is asked. */
		VkGuestFiles files = {
			.keys = keys, .questions = 16, .slot = -1, .appliance = &appliance};

		questions[next % G_N_ELEMENTS(questions)](&files);
	}
	return 0;
}
