/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "errors.h"
#include "output.h"

#include <sys/stat.h>

typedef struct Stream {
	const char *name;
	guint64 size;
	guint64 written;
} Stream;

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Stream *stream = data;

	if (S_ISLNK(entry->mode))
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is a symbolic link to '%s'",
			       stream->name, entry->target);
	if (!S_ISREG(entry->mode))
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is not a file%s", stream->name,
			       S_ISDIR(entry->mode) ? ", but a directory" : "");
	stream->size = entry->size;
	return TRUE;
}

static gboolean write_all(Stream *stream, const guint8 *bytes, gsize length, GError **error)
{
	stream->written += length;
	return vk_output_write(bytes, length, error);
}

/* Holes are zeros to whoever reads. */
static gboolean fill_up(Stream *stream, guint64 offset, GError **error)
{
	static const guint8 zeros[65536];

	while (stream->written < offset)
		if (!write_all(stream, zeros, MIN(sizeof(zeros), offset - stream->written), error))
			return FALSE;
	return TRUE;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	Stream *stream = data;

	return fill_up(stream, offset, error) && write_all(stream, bytes, length, error);
}

gboolean vk_files_cat(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"cat SNAPSHOT:PATH", "Prints a file.", 1, 1};
	const GOptionEntry entries[] = {vk_files_system_option(run), G_OPTION_ENTRY_NULL};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	g_auto(VkLocation) location = {0};
	g_autoptr(VkGuestFiles) files = NULL;
	Stream stream = {0};
	const VkWalkCalls calls = {.entry = take_entry, .bytes = take_bytes, .data = &stream};
	VkWalk walk;

	if (!words)
		return FALSE;
	if (run->program.json)
		return vk_fail(error, VK_ERROR_USAGE, "cat has no JSON");
	if (!vk_files_open(run, words[0], &location, &files, error))
		return FALSE;
	stream.name = location.path;
	walk = vk_files_walk_of(run, &location, VK_WALK_DATA | VK_WALK_FOLLOW);
	return vk_guest_files_walk(files, &walk, &calls, error) &&
	       fill_up(&stream, stream.size, error);
}
