/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "array-collect.h"

#include "array-leftovers.h"
#include "errors.h"
#include "text.h"

/* A snapshot object may take a megabyte. */
#define SNAPSHOTS_MAX 64u

struct VkArrayCollect {
	VkArrays *arrays;
	VkVault *vault;
	GPtrArray *snapshots; /* VkSnapshot, with copies on arrays; at the most SNAPSHOTS_MAX */
	guint troubles;       /* snapshots of which arrays keep copies */
	GError *trouble;      /* the first */
};

VkArrayCollect *vk_array_collect_new(VkArrays *arrays, VkVault *vault)
{
	VkArrayCollect *collect = g_new0(VkArrayCollect, 1);

	collect->arrays = arrays;
	collect->vault = vault;
	collect->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_free);
	return collect;
}

void vk_array_collect_free(VkArrayCollect *collect)
{
	if (!collect)
		return;
	g_ptr_array_unref(collect->snapshots);
	g_clear_error(&collect->trouble);
	g_free(collect);
}

/* Arrays that fail keep no snapshot in the vault. */
static void note_trouble(VkArrayCollect *collect, const VkSnapshot *snapshot, GError *trouble)
{
	g_prefix_error(&trouble, "'%s@%s': ", snapshot->name, snapshot->time);
	if (collect->troubles++ == 0)
		collect->trouble = trouble;
	else
		g_error_free(trouble);
}

/* One that was not removed after all keeps its copies. */
static void settle_all(VkArrayCollect *collect)
{
	for (guint i = 0; i < collect->snapshots->len; i++) {
		const VkSnapshot *snapshot = g_ptr_array_index(collect->snapshots, i);
		GError *trouble = NULL;

		if (!vk_array_leftovers_settle_copies(collect->arrays, collect->vault, snapshot,
						      &trouble))
			note_trouble(collect, snapshot, trouble);
	}
	g_ptr_array_set_size(collect->snapshots, 0);
}

void vk_array_collect_add(gpointer collect, VkSnapshot *snapshot)
{
	VkArrayCollect *self = collect;
	GError *trouble = NULL;

	if (!vk_snapshot_is_on_array(snapshot)) {
		vk_snapshot_free(snapshot);
		return;
	}
	/* Those before this one have been removed. */
	if (self->snapshots->len >= SNAPSHOTS_MAX)
		settle_all(self);
	if (vk_array_leftovers_mark(self->arrays, snapshot, &trouble)) {
		g_ptr_array_add(self->snapshots, snapshot);
		return;
	}
	note_trouble(self, snapshot, trouble);
	vk_snapshot_free(snapshot);
}

gboolean vk_array_collect_finish(VkArrayCollect *collect, guint *ret_left, GError **error)
{
	g_autofree char *count = NULL;

	settle_all(collect);
	*ret_left = collect->troubles;
	if (collect->troubles == 0)
		return TRUE;
	count = vk_count_text(collect->troubles, "removed snapshot");
	return vk_fail(error, VK_ERROR_PARTIAL,
		       "arrays keep copies of %s; on the hosts that reach them 'virtkeep doctor' "
		       "finds them: %s",
		       count, collect->trouble->message);
}
