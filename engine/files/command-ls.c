/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "commands.h"

#include "json.h"
#include "text.h"

#include <string.h>
#include <sys/stat.h>

typedef struct Listing {
	const char *path; /* that was asked for */
	gboolean json;
	gboolean long_format;
	gboolean is_first; /* nothing was printed */
} Listing;

/* "drwxr-xr-x", as ls has it. RET has 11 bytes. */
static void write_mode(guint32 mode, char *ret)
{
	static const char bits[] = "rwxrwxrwx";
	const char *type = S_ISDIR(mode)    ? "d"
			   : S_ISLNK(mode)  ? "l"
			   : S_ISCHR(mode)  ? "c"
			   : S_ISBLK(mode)  ? "b"
			   : S_ISFIFO(mode) ? "p"
			   : S_ISSOCK(mode) ? "s"
					    : "-";

	ret[0] = *type;
	for (guint i = 0; i < 9; i++)
		ret[i + 1] = mode & (0400u >> i) ? bits[i] : '-';
	if (mode & S_ISUID)
		ret[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		ret[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		ret[9] = mode & S_IXOTH ? 't' : 'T';
	ret[10] = '\0';
}

/* Local; a time that no calendar has is "-". New string. */
static char *time_text(const VkEntry *entry)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(entry->mtime_sec);

	return time ? g_date_time_format(time, "%Y-%m-%d %H:%M") : g_strdup("-");
}

/* A size, or the numbers of a device. New string. */
static char *size_text(const VkEntry *entry)
{
	return S_ISCHR(entry->mode) || S_ISBLK(entry->mode)
		       ? g_strdup_printf("%u, %u", entry->rdev_major, entry->rdev_minor)
		       : g_strdup_printf("%" G_GUINT64_FORMAT, entry->size);
}

static void print_long(const VkEntry *entry, const char *name)
{
	g_autofree char *time = time_text(entry);
	g_autofree char *size = size_text(entry);
	char mode[11];

	write_mode(entry->mode, mode);
	vk_print_line(stdout, "%s %3u %5u %5u %12s %16s %s%s%s", mode, entry->links, entry->uid,
		      entry->gid, size, time, name, entry->target ? " -> " : "",
		      entry->target ? entry->target : "");
}

/* Bytes that are not UTF-8 would be lost in a string, so they come in base 64 as well. */
static void add_name(json_t *object, const char *key, const char *bytes)
{
	g_autofree char *encoded = NULL;
	g_autofree char *key_encoded = g_strconcat(key, "_b64", NULL);

	json_object_set_new(object, key, vk_json_new_string(bytes));
	if (!bytes || g_utf8_validate(bytes, -1, NULL))
		return;
	encoded = g_base64_encode((const guchar *)bytes, strlen(bytes));
	json_object_set_new(object, key_encoded, vk_json_new_string(encoded));
}

static const char *type_word(guint32 mode)
{
	return S_ISREG(mode)    ? "file"
	       : S_ISDIR(mode)  ? "directory"
	       : S_ISLNK(mode)  ? "link"
	       : S_ISCHR(mode)  ? "character device"
	       : S_ISBLK(mode)  ? "block device"
	       : S_ISFIFO(mode) ? "fifo"
				: "socket";
}

static void print_json(const VkEntry *entry, const char *name, gboolean is_first)
{
	g_autofree char *mode = g_strdup_printf("%04o", entry->mode & 07777);
	g_autoptr(json_t) object =
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "type", type_word(entry->mode),
			  "mode", mode, "uid", (json_int_t)entry->uid, "gid",
			  (json_int_t)entry->gid, "links", (json_int_t)entry->links, "size",
			  vk_json_new_uint(entry->size), "mtime", (json_int_t)entry->mtime_sec);

	add_name(object, "name", name);
	if (entry->target)
		add_name(object, "target", entry->target);
	vk_json_print_item(object, is_first);
}

static gboolean list_entry(gpointer data, const VkEntry *entry, GError **error)
{
	Listing *listing = data;
	const char *name = *entry->path ? entry->path : listing->path;

	if (!*entry->path && S_ISDIR(entry->mode))
		return TRUE;
	if (listing->json)
		print_json(entry, name, listing->is_first);
	else if (listing->long_format)
		print_long(entry, name);
	else
		vk_print_line(stdout, "%s", name);
	listing->is_first = FALSE;
	return TRUE;
}

gboolean vk_files_ls(VkFilesRun *run, int argc, char **argv, GError **error)
{
	static const VkFilesUsage usage = {"ls SNAPSHOT[:PATH]", "Lists a directory.", 1, 1};
	gboolean recursive = FALSE;
	Listing listing = {.is_first = TRUE};
	const GOptionEntry entries[] = {
		{"long", 'l', 0, G_OPTION_ARG_NONE, &listing.long_format,
		 "Show modes, owners, sizes and times", NULL},
		{"recursive", 'R', 0, G_OPTION_ARG_NONE, &recursive, "List what is below as well",
		 NULL},
		vk_files_system_option(run),
		G_OPTION_ENTRY_NULL,
	};
	char **words = vk_files_parse(run, &usage, entries, argc, argv, error);
	g_auto(VkLocation) location = {0};
	g_autoptr(VkGuestFiles) files = NULL;
	const VkWalkCalls calls = {.entry = list_entry, .data = &listing};
	VkWalk walk;
	gboolean ok;

	if (!words || !vk_files_open(run, words[0], &location, &files, error))
		return FALSE;
	listing.path = location.path;
	listing.json = run->program.json;
	walk = vk_files_walk_of(run, &location, recursive ? VK_WALK_DEEP : 0);
	ok = vk_guest_files_walk(files, &walk, &calls, error);
	if (run->program.json)
		vk_json_print_end(listing.is_first);
	return ok;
}
