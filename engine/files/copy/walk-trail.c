/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walk-trail.h"

#include <string.h>

typedef struct Step {
	char *path;
	gpointer directory;
} Step;

struct VkTrail {
	VkTrailLeave leave;
	gpointer data;
	GDestroyNotify free_directory;
	GArray *steps; /* Step, each in the one before */
};

VkTrail *vk_trail_new(VkTrailLeave leave, gpointer data, GDestroyNotify free_directory)
{
	VkTrail *trail = g_new(VkTrail, 1);

	*trail = (VkTrail){.leave = leave,
			   .data = data,
			   .free_directory = free_directory,
			   .steps = g_array_new(FALSE, FALSE, sizeof(Step))};
	return trail;
}

static Step *innermost(const VkTrail *trail)
{
	guint depth = trail->steps->len;

	return depth > 0 ? &g_array_index(trail->steps, Step, depth - 1) : NULL;
}

static void drop_innermost(VkTrail *trail)
{
	guint last = trail->steps->len - 1;
	const Step *step = &g_array_index(trail->steps, Step, last);

	trail->free_directory(step->directory);
	g_free(step->path);
	g_array_set_size(trail->steps, last);
}

void vk_trail_free(VkTrail *trail)
{
	if (!trail)
		return;
	while (trail->steps->len > 0)
		drop_innermost(trail);
	g_array_unref(trail->steps);
	g_free(trail);
}

static gboolean is_below(const char *path, const char *directory)
{
	gsize length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

gboolean vk_trail_move(VkTrail *trail, const char *path, GError **error)
{
	for (;;) {
		const Step *step = innermost(trail);

		if (!step || (path && is_below(path, step->path)))
			return TRUE;
		if (!trail->leave(trail->data, step->path, step->directory, error))
			return FALSE;
		drop_innermost(trail);
	}
}

gboolean vk_trail_leads_to(const VkTrail *trail, const char *path)
{
	const Step *step = innermost(trail);
	const char *slash = strrchr(path, '/');

	/* It is above the path already. */
	return step ? slash && (gsize)(slash - path) == strlen(step->path) : !slash;
}

void vk_trail_enter(VkTrail *trail, const char *path, gpointer directory)
{
	const Step step = {.path = g_strdup(path), .directory = directory};

	g_array_append_val(trail->steps, step);
}

gpointer vk_trail_innermost(const VkTrail *trail)
{
	const Step *step = innermost(trail);

	return step ? step->directory : NULL;
}

guint vk_trail_depth(const VkTrail *trail)
{
	return trail->steps->len;
}
