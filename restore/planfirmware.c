/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning what a guest has besides its saved disks: firmware variables, TPM state, media.
 */
#include "planner.h"

#include "errors.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* Who runs swtpm where nothing else tells: libvirt's default on Debian. */
#define TPM_USER "tss"

static void choose_tpm_owner(VkPlanner *planner, VkPlanItem *item, const char *original)
{
	g_autofree char *directory = g_path_get_dirname(original);
	struct stat st;
	const struct passwd *user;

	if (stat(directory, &st) == 0 ||
	    (stat(planner->world->tpm_directory, &st) == 0 && st.st_uid != 0)) {
		item->place.uid = st.st_uid;
		item->place.gid = st.st_gid;
	} else if ((user = getpwnam(TPM_USER)) != NULL) {
		item->place.uid = user->pw_uid;
		item->place.gid = user->pw_gid;
	}
}

/* TPM state lies in a directory for each uuid and version of the TPM. New string. */
static char *tpm_path(VkPlanner *planner, const VkFileRecord *file)
{
	gboolean old = g_strcmp0(planner->domain->tpm_version, "1.2") == 0;
	g_autofree char *name = g_path_get_basename(file->path);

	return g_build_filename(planner->world->tpm_directory, planner->plan->uuid,
				old ? "tpm1.2" : "tpm2", name, NULL);
}

static gboolean add_file(VkPlanner *planner, const VkFileRecord *file, const char *nvram_path,
			 GError **error)
{
	gboolean is_tpm = strcmp(file->role, "tpm") == 0;
	VkPlanItem *item = vk_plan_add_item(planner->plan, file->name, FALSE, file->image->size);
	g_autofree char *path =
		is_tpm ? tpm_path(planner, file) : g_strdup(nvram_path ? nvram_path : file->path);

	item->record = file->image;
	item->place.mode = file->mode & 0777;
	if (is_tpm) {
		item->owner_directory = g_path_get_dirname(path);
		choose_tpm_owner(planner, item, file->path);
	}
	return vk_place_set(item, path, planner->replace, planner->options->force, "", error);
}

gboolean vk_planner_add_firmware(VkPlanner *planner, const char *nvram_path, GError **error)
{
	const GPtrArray *files = planner->snapshot->files;
	gboolean has_tpm = FALSE;

	planner->changes.nvram = nvram_path;
	for (guint i = 0; i < files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(files, i);

		if (!file->path)
			continue;
		has_tpm |= strcmp(file->role, "tpm") == 0;
		if (!add_file(planner, file, nvram_path, error))
			return FALSE;
		if (strcmp(file->role, "nvram") == 0 && !nvram_path &&
		    g_strcmp0(file->path, planner->domain->nvram) != 0)
			planner->changes.nvram = file->path;
	}
	if (planner->domain->has_emulated_tpm && !has_tpm)
		vk_plan_note(planner->plan, "the TPM's state was not saved: the guest starts with "
					    "what the host has, else with an empty TPM");
	return TRUE;
}

static gboolean is_removable(const VkDomainDisk *disk)
{
	return g_strcmp0(disk->device, "cdrom") == 0 || g_strcmp0(disk->device, "floppy") == 0;
}

static void settle_medium(VkPlanner *planner, const VkDomainDisk *disk)
{
	if (!disk->image->path || g_file_test(disk->image->path, G_FILE_TEST_EXISTS))
		return;
	g_ptr_array_add(planner->changes.eject, g_strdup(disk->target));
	vk_plan_note(planner->plan, "the medium '%s' is gone: the drive '%s' is left empty",
		     disk->image->path, disk->target);
}

static void settle_disk(VkPlanner *planner, const VkDomainDisk *disk, gboolean drop)
{
	g_autofree char *label = vk_domain_image_label(disk->image);

	if (drop) {
		g_ptr_array_add(planner->changes.drop, g_strdup(disk->target));
		vk_plan_note(planner->plan,
			     "disk '%s' ('%s') was not saved: the new guest does not have it",
			     disk->target, label);
	} else {
		vk_plan_note(planner->plan, "disk '%s' was not saved: '%s' is used as it is",
			     disk->target, label);
	}
}

void vk_planner_settle_unsaved(VkPlanner *planner, gboolean drop)
{
	const VkDomain *domain = planner->domain;

	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);

		if (!disk->image || vk_snapshot_find_disk(planner->snapshot, disk->target))
			continue;
		if (is_removable(disk))
			settle_medium(planner, disk);
		else
			settle_disk(planner, disk, drop);
	}
	for (guint i = 0; i < domain->passthrough->len; i++)
		vk_plan_note(planner->plan, "%s was given through to the guest and %s",
			     (const char *)g_ptr_array_index(domain->passthrough, i),
			     drop ? "is left out" : "must be there to start it");
	if (!planner->snapshot->persistent)
		vk_plan_note(planner->plan, "the guest was transient and becomes persistent");
}
