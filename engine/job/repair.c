/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "repair.h"

#include "catalog.h"
#include "errors.h"
#include "heal-from.h"
#include "heal-replica.h"
#include "interrupt.h"
#include "log.h"
#include "source-file.h"
#include "source-image.h"

typedef struct Repair {
	VkVault *vault;
	const VkRepairOptions *options;
	VkHealer *healer;
	VkHasher *ids;
} Repair;

static gboolean is_done(const Repair *repair)
{
	g_autoptr(GArray) missing = vk_healer_missing(repair->healer);

	return missing->len == 0;
}

/* Takes SOURCE over. */
static gboolean look_in_source(const Repair *repair, const char *name, VkSource *source,
			       GError **error)
{
	g_autoptr(VkImage) image = vk_source_image_new(source, -1);
	g_autoptr(VkProgress) progress = vk_progress_new(name, 0);

	return vk_heal_from_image(repair->healer, repair->ids, image, progress, error);
}

static gboolean look_in_vaults(const Repair *repair, GError **error)
{
	const GPtrArray *vaults = repair->options->vaults;

	for (guint i = 0; vaults && i < vaults->len && !is_done(repair); i++) {
		VkVault *other = vaults->pdata[i];

		if (!vk_heal_from_vault(repair->healer, repair->ids, other, error))
			return FALSE;
		if (!is_done(repair) &&
		    !vk_heal_from_replica(repair->vault, repair->healer, repair->ids, other, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean look_in_images(const Repair *repair, GError **error)
{
	char *const *path = repair->options->images;

	for (; path && *path && !is_done(repair); path++) {
		VkSource *source = vk_source_file_new(*path, error);

		if (!source || !look_in_source(repair, *path, source, error))
			return FALSE;
	}
	return TRUE;
}

/* A copy that an array cannot give is passed over: another one may have the block. */
static gboolean look_in_copies(const Repair *repair, const VkSnapshot *snapshot, GError **error)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);

	for (guint i = 0; i < snapshot->disks->len && !is_done(repair); i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);
		g_autoptr(GError) trouble = NULL;
		VkSource *source = NULL;

		if (!disk->image->array || !disk->image->runs)
			continue;
		source = vk_arrays_open(repair->options->arrays, disk->image->array, &trouble);
		if (!source)
			vk_log_warning("'%s' %s is not looked into: %s", reference, disk->target,
				       trouble->message);
		else if (!look_in_source(repair, reference, source, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean look_in_arrays(const Repair *repair, GError **error)
{
	g_autoptr(GPtrArray) keys =
		repair->options->arrays ? vk_catalog_list(repair->vault, NULL, error) : NULL;

	if (!keys)
		return !repair->options->arrays;
	for (guint i = 0; i < keys->len && !is_done(repair); i++) {
		g_autoptr(VkSnapshot) snapshot =
			vk_catalog_load(repair->vault, keys->pdata[i], NULL);

		if (snapshot && !look_in_copies(repair, snapshot, error))
			return FALSE;
	}
	return TRUE;
}

void vk_repair_result_clear(VkRepairResult *result)
{
	g_clear_pointer(&result->missing, g_array_unref);
}

gboolean vk_repair(VkVault *vault, const VkRepairOptions *options, VkRepairResult *result,
		   GError **error)
{
	GError *trouble = NULL;
	g_autoptr(VkHealer) healer = vk_healer_new(vault, options->dry_run, &trouble);
	g_autoptr(VkHasher) ids = healer ? vk_healer_hasher(healer) : NULL;
	const Repair repair = {.vault = vault, .options = options, .healer = healer, .ids = ids};
	gboolean done;

	*result = (VkRepairResult){0};
	if (trouble) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (!healer) {
		result->missing = g_array_new(FALSE, FALSE, sizeof(VkMissingSlot));
		return TRUE;
	}
	vk_healer_survey(healer);
	done = look_in_vaults(&repair, &trouble) && look_in_images(&repair, &trouble) &&
	       look_in_arrays(&repair, &trouble);
	/* What turned up before a failure is worth its while. */
	if (!vk_healer_put(healer, done ? &trouble : NULL))
		done = FALSE;
	result->healed = vk_healer_count_healed(healer);
	result->missing = vk_healer_missing(healer);
	if (!done)
		g_propagate_error(error, trouble);
	return done;
}
