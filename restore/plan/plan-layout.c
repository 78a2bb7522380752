/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a restored image is made of. It has the options of the original. Its data file and backing
 * files are not made again, because other images may use them: a note says that. The image can use
 * backing files again that did not change.
 */
#include "planner-priv.h"

#include "errors.h"
#include "json.h"
#include "qcow2-layout.h"

#include <string.h>
#include <sys/stat.h>

/* A file as it was when the snapshot was taken. */
typedef struct Kept {
	const char *path, *format; /* borrowed */
	guint64 inode, size, mtime_ns;
} Kept;

static gboolean is_unchanged(const Kept *kept)
{
	struct stat now;

	return stat(kept->path, &now) == 0 && S_ISREG(now.st_mode) && now.st_ino == kept->inode &&
	       (guint64)now.st_size == kept->size &&
	       (guint64)now.st_mtim.tv_sec * 1000000000 + (guint64)now.st_mtim.tv_nsec ==
		       kept->mtime_ns;
}

/* *RET: whether PATH is the image of a disk in XML, a definition. */
static gboolean has_disk(const VkFacts *facts, const char *xml, const char *path, gboolean *ret,
			 GError **error)
{
	g_autoptr(VkDomain) domain = xml ? vk_domain_parse(xml, error) : NULL;
	g_autoptr(GPtrArray) disks = domain ? vk_planner_disks_of(facts, domain, path) : NULL;

	*ret = disks && disks->len > 0;
	return !xml || domain;
}

/*
 * A vault may name any file. One that a guest writes to would change below the disk, which could
 * also read what is the other's.
 */
static gboolean check_no_disk(const VkRestorePlan *plan, const VkFacts *facts, const char *path,
			      GError **error)
{
	g_autoptr(GPtrArray) guests = facts->ops->list(facts, error);

	for (guint i = 0; guests && i < guests->len; i++) {
		const VkKnownGuest *guest = g_ptr_array_index(guests, i);
		gboolean has = FALSE, has_now = FALSE;

		if (plan->kind == VK_RESTORE_IN_PLACE && strcmp(guest->uuid, plan->uuid) == 0)
			continue;
		if (!has_disk(facts, guest->domain_xml, path, &has, error) ||
		    !has_disk(facts, guest->live_xml, path, &has_now, error))
			return FALSE;
		if (has || has_now)
			return vk_fail(error, VK_ERROR_FAILED,
				       "'%s' is to be a backing file, but it is a disk of guest "
				       "'%s': leave out --keep-chain",
				       path, guest->name);
	}
	if (!guests)
		g_prefix_error(error,
			       "cannot tell whether '%s' is a disk of a guest, leave out "
			       "--keep-chain: ",
			       path);
	return guests != NULL;
}

static gboolean keep_file(const VkRestorePlan *plan, const VkFacts *facts, VkRestoreItem *item,
			  const json_t *file, GError **error)
{
	VkQemuLayer layer;
	Kept kept;

	if (!vk_json_string(file, "path", &kept.path, error) ||
	    !vk_json_string(file, "format", &kept.format, error) ||
	    !vk_json_uint(file, "inode", &kept.inode, error) ||
	    !vk_json_uint(file, "size", &kept.size, error) ||
	    !vk_json_uint(file, "mtime_ns", &kept.mtime_ns, error) ||
	    !vk_planner_check_place(kept.path, item->name, error))
		return FALSE;
	if (strcmp(kept.format, "raw") != 0 && strcmp(kept.format, "qcow2") != 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "disk '%s' stood on '%s', which is '%s': leave out --keep-chain",
			       item->name, kept.path, kept.format);
	if (!is_unchanged(&kept))
		return vk_fail(
			error, VK_ERROR_CHANGED,
			"'%s', a backing file of disk '%s', has changed since the snapshot: leave "
			"out --keep-chain",
			kept.path, item->name);
	if (!check_no_disk(plan, facts, kept.path, error))
		return FALSE;
	layer = (VkQemuLayer){.path = kept.path, .format = kept.format};
	g_array_append_val(item->backing, layer);
	return TRUE;
}

static gboolean keep_chain(const VkRestorePlan *plan, const VkFacts *facts, VkRestoreItem *item,
			   const json_t *chain, GError **error)
{
	if (strcmp(item->place.format, "qcow2") != 0 || item->place.kind != VK_PLACE_FILE)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"disk '%s' had backing files, which only a qcow2 file can have: leave "
			"out --keep-chain",
			item->name);
	item->backing = g_array_new(FALSE, FALSE, sizeof(VkQemuLayer));
	for (gsize i = 0; i < json_array_size(chain); i++)
		if (!keep_file(plan, facts, item, json_array_get(chain, i), error))
			return FALSE;
	item->place.backing = (const VkQemuLayer *)(gconstpointer)item->backing->data;
	item->place.backing_count = item->backing->len;
	return TRUE;
}

gboolean vk_planner_keep_chains(VkRestorePlan *plan, const VkFacts *facts, GError **error)
{
	for (guint i = 0; i < plan->items->len; i++) {
		VkRestoreItem *item = g_ptr_array_index(plan->items, i);
		const json_t *chain = json_object_get(item->layout, "chain");

		if (chain && !item->clone && !keep_chain(plan, facts, item, chain, error))
			return FALSE;
	}
	return TRUE;
}

static void note_data_file(VkRestorePlan *plan, const VkRestoreItem *item)
{
	const char *file = vk_qcow2_layout_data_file(item->layout);

	if (file)
		vk_restore_plan_note(
			plan,
			"disk '%s' kept its data in '%s' and comes back as one file, which "
			"leaves that alone",
			item->name, file);
}

static void note_kept(VkRestorePlan *plan, const VkRestoreItem *item)
{
	g_autoptr(GString) files = g_string_new(NULL);

	for (guint i = 0; i < item->backing->len; i++)
		g_string_append_printf(files, "%s'%s'", i ? ", " : "",
				       g_array_index(item->backing, VkQemuLayer, i).path);
	vk_restore_plan_note(plan, "disk '%s' stands on %s again", item->name, files->str);
}

static void note_chain(VkRestorePlan *plan, const VkRestoreItem *item)
{
	const json_t *chain = json_object_get(item->layout, "chain");
	const char *nearest = json_string_value(json_object_get(json_array_get(chain, 0), "path"));
	gsize count = json_array_size(chain);

	if (!nearest)
		return;
	if (item->backing) {
		note_kept(plan, item);
		return;
	}
	if (count == 1)
		vk_restore_plan_note(
			plan,
			"disk '%s' had the backing file '%s' and comes back as one file that "
			"needs none",
			item->name, nearest);
	else
		vk_restore_plan_note(
			plan,
			"disk '%s' had %zu backing files, '%s' the nearest, and comes back as "
			"one file that needs none",
			item->name, count, nearest);
}

void vk_planner_note_layouts(VkRestorePlan *plan)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (!item->layout || item->clone)
			continue;
		note_data_file(plan, item);
		note_chain(plan, item);
	}
}
