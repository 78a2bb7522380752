/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "entry-print.h"

#include "text.h"

#include <string.h>
#include <sys/stat.h>

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

char *vk_entry_time_text(const VkEntry *entry)
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

void vk_entry_print_long(const VkEntry *entry, const char *name)
{
	g_autofree char *time = vk_entry_time_text(entry);
	g_autofree char *size = size_text(entry);
	char mode[11];

	write_mode(entry->mode, mode);
	vk_print_line(stdout, "%s %3u %5u %5u %12s %16s %s%s%s", mode, entry->links, entry->uid,
		      entry->gid, size, time, name, entry->target ? " -> " : "",
		      entry->target ? entry->target : "");
}

void vk_entry_add_name(json_t *object, const char *key, const char *bytes)
{
	g_autofree char *encoded = NULL;
	g_autofree char *key_encoded = g_strconcat(key, "_b64", NULL);

	json_object_set_new(object, key, vk_json_new_string(bytes));
	if (!bytes || g_utf8_validate(bytes, -1, NULL))
		return;
	encoded = g_base64_encode((const guchar *)bytes, strlen(bytes));
	json_object_set_new(object, key_encoded, vk_json_new_string(encoded));
}

const char *vk_entry_type(const VkEntry *entry)
{
	guint32 mode = entry->mode;

	return S_ISREG(mode)    ? "file"
	       : S_ISDIR(mode)  ? "directory"
	       : S_ISLNK(mode)  ? "link"
	       : S_ISCHR(mode)  ? "character device"
	       : S_ISBLK(mode)  ? "block device"
	       : S_ISFIFO(mode) ? "fifo"
				: "socket";
}

json_t *vk_entry_to_json(const VkEntry *entry, const char *name)
{
	g_autofree char *mode = g_strdup_printf("%04o", entry->mode & 07777);
	json_t *object =
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "type", vk_entry_type(entry),
			  "mode", mode, "uid", (json_int_t)entry->uid, "gid",
			  (json_int_t)entry->gid, "links", (json_int_t)entry->links, "size",
			  vk_json_new_uint(entry->size), "mtime", (json_int_t)entry->mtime_sec);

	vk_entry_add_name(object, "name", name);
	if (entry->target)
		vk_entry_add_name(object, "target", entry->target);
	return object;
}
