/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "diff-side.h"

#include "errors.h"
#include "walk-check.h"

#include <string.h>
#include <sys/stat.h>

/* Paths that could not be read. */
#define UNREAD_MAX 100000

struct VkDiffSide {
	char *asked; /* path */
	VkDiffStep step;
	gpointer data;
	VkContentDigest *digest; /* NULL: contents are not compared */
	GHashTable *unread;      /* paths below ASKED */
	VkDiffEntry next;        /* if HAS_NEXT: it is whole */
	VkDiffEntry coming;      /* if HAS_COMING: its parts still arrive */
	gboolean has_next, has_coming;
	gboolean ended;
	GError *trouble;
};

VkDiffSide *vk_diff_side_new(const char *path, gboolean with_data, VkDiffStep step, gpointer data)
{
	VkDiffSide *side = g_new0(VkDiffSide, 1);

	side->asked = g_canonicalize_filename(path, "/");
	side->step = step;
	side->data = data;
	side->digest = with_data ? vk_content_digest_new() : NULL;
	side->unread = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return side;
}

void vk_diff_side_free(VkDiffSide *side)
{
	if (!side)
		return;
	vk_entry_clear(&side->next.entry);
	vk_entry_clear(&side->coming.entry);
	vk_content_digest_free(side->digest);
	g_hash_table_unref(side->unread);
	g_clear_error(&side->trouble);
	g_free(side->asked);
	g_free(side);
}

int vk_walk_order(const char *one, const char *other)
{
	gsize same = 0;

	while (one[same] && one[same] == other[same])
		same++;
	/* "a/b" comes before "a.b". */
	if (one[same] == '/' || other[same] == '/')
		return !other[same] ? 1 : !one[same] ? -1 : one[same] == '/' ? -1 : 1;
	return (int)(guchar)one[same] - (int)(guchar)other[same];
}

/* The entry that arrives is whole. */
static void end_coming(VkDiffSide *side)
{
	if (!side->has_coming)
		return;
	side->next = side->coming;
	side->coming = (VkDiffEntry){0};
	side->has_next = TRUE;
	side->has_coming = FALSE;
	side->next.has_digest = side->digest && S_ISREG(side->next.entry.mode);
	if (side->next.has_digest)
		vk_content_digest_end(side->digest, side->next.digest);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	VkDiffSide *side = data;

	if (side->has_coming && vk_walk_order(side->coming.entry.path, entry->path) >= 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' comes out of order: its directory has too many names to be "
			       "compared",
			       entry->path);
	end_coming(side);
	side->coming.entry = *entry;
	side->coming.entry.path = g_strdup(entry->path);
	side->coming.entry.target = g_strdup(entry->target);
	side->has_coming = TRUE;
	return TRUE;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	VkDiffSide *side = data;

	if (side->digest)
		vk_content_digest_add(side->digest, offset, bytes, length);
	return TRUE;
}

/* What a system could not mount has its whole path. New string. */
static char *below_asked(const VkDiffSide *side, const char *path)
{
	gsize length = strlen(side->asked);

	if (*path != '/')
		return g_strdup(path);
	if (length == 1)
		return g_strdup(path + strspn(path, "/"));
	return strncmp(path, side->asked, length) == 0 && path[length] == '/'
		       ? g_strdup(path + length + 1)
		       : g_strdup("");
}

static void take_unread(gpointer data, const char *path)
{
	VkDiffSide *side = data;

	if (g_hash_table_size(side->unread) <= UNREAD_MAX)
		g_hash_table_add(side->unread, below_asked(side, path));
}

VkWalkCalls vk_diff_side_calls(VkDiffSide *side)
{
	return (VkWalkCalls){
		.entry = take_entry, .bytes = take_bytes, .unread = take_unread, .data = side};
}

static gboolean take_step(VkDiffSide *side, GError **error)
{
	GError *trouble = NULL;
	gboolean ok = side->step(side->data, &side->ended, &trouble);

	if (g_hash_table_size(side->unread) > UNREAD_MAX) {
		g_clear_error(&trouble);
		return vk_fail(error, VK_ERROR_FAILED, "too much could not be read to compare it");
	}
	if (side->ended)
		end_coming(side);
	if (!ok && side->ended)
		side->trouble = trouble;
	else if (!ok)
		g_propagate_error(error, trouble);
	return ok || side->ended;
}

gboolean vk_diff_side_peek(VkDiffSide *side, const VkDiffEntry **ret, GError **error)
{
	while (!side->has_next && !side->ended)
		if (!take_step(side, error))
			return FALSE;
	*ret = side->has_next ? &side->next : NULL;
	return TRUE;
}

void vk_diff_side_drop(VkDiffSide *side)
{
	vk_entry_clear(&side->next.entry);
	side->has_next = FALSE;
}

gboolean vk_diff_side_is_unread(const VkDiffSide *side, const char *path)
{
	g_autofree char *above = NULL;
	char *slash;

	if (g_hash_table_size(side->unread) == 0)
		return FALSE;
	above = g_strdup(path);
	for (;;) {
		if (g_hash_table_contains(side->unread, above))
			return TRUE;
		slash = strrchr(above, '/');
		if (!slash && !*above)
			return FALSE;
		*(slash ? slash : above) = '\0';
	}
}

const GError *vk_diff_side_trouble(const VkDiffSide *side)
{
	return side->trouble;
}
