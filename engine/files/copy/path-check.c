/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "path-check.h"

#include "walk-trail.h"

#include <string.h>
#include <sys/stat.h>

/* Names in the directories above an entry: about 200 MiB. */
#define NAMES_MAX ((guint64)8 << 20)

struct VkPathCheck {
	VkTrail *trail; /* sets of the marks of names, of paths with "." for what was asked for */
	GChecksum *checksum;
	guint64 names; /* in the trail */
	gboolean has_begun;
};

static gboolean leave_directory(gpointer data, const char *path, gpointer directory, GError **error)
{
	VkPathCheck *check = data;

	check->names -= g_hash_table_size(directory);
	return TRUE;
}

static void free_directory(gpointer directory)
{
	g_hash_table_unref(directory);
}

VkPathCheck *vk_path_check_new(void)
{
	VkPathCheck *check = g_new0(VkPathCheck, 1);

	check->trail = vk_trail_new(leave_directory, check, free_directory);
	check->checksum = g_checksum_new(G_CHECKSUM_SHA256);
	return check;
}

void vk_path_check_free(VkPathCheck *check)
{
	if (!check)
		return;
	vk_trail_free(check->trail);
	g_checksum_free(check->checksum);
	g_free(check);
}

void vk_path_check_begin(VkPathCheck *check)
{
	vk_trail_move(check->trail, NULL, NULL);
	check->has_begun = FALSE;
}

/* Equal names have equal marks, and other names have others in practice. */
static gpointer mark_of(VkPathCheck *check, const char *name)
{
	guint8 digest[32];
	gsize length = sizeof(digest);
	gpointer mark;

	g_checksum_reset(check->checksum);
	g_checksum_update(check->checksum, (const guchar *)name, (gssize)strlen(name));
	g_checksum_get_digest(check->checksum, digest, &length);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

/* PATH begins with ".". */
static const char *find_fault(VkPathCheck *check, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash && check->has_begun)
		return "its name comes twice";
	if (!vk_trail_leads_to(check->trail, path))
		return "it is in no directory";
	check->has_begun = TRUE;
	if (!slash)
		return NULL;
	if (check->names >= NAMES_MAX)
		return "its directory has too many names";
	if (!g_hash_table_add(vk_trail_innermost(check->trail), mark_of(check, slash + 1)))
		return "its name comes twice";
	check->names++;
	return NULL;
}

const char *vk_path_check_fault(VkPathCheck *check, const VkEntry *entry)
{
	g_autofree char *path = *entry->path ? g_strconcat("./", entry->path, NULL) : g_strdup(".");
	const char *fault;

	vk_trail_move(check->trail, path, NULL);
	fault = find_fault(check, path);
	if (!fault && S_ISDIR(entry->mode))
		vk_trail_enter(check->trail, path, g_hash_table_new(NULL, NULL));
	return fault;
}
