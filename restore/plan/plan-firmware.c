/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planning what a guest has besides its saved disks: firmware variables, TPM state, media.
 */
#include "planner-priv.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The user that runs swtpm unless a file says otherwise: libvirt's default on Debian. */
#define TPM_USER "tss"
/* Only these bits of the saved mode: no other user may write to firmware state. */
#define FILE_MODE 0644

/* The state goes to its present owner. The snapshot has no say in that. */
static void choose_tpm_owner(VkPlanner *planner, VkRestoreItem *item)
{
	struct stat st;
	const struct passwd *user;

	if (stat(item->owner_directory, &st) == 0 ||
	    (stat(planner->facts->tpm_directory, &st) == 0 && st.st_uid != 0)) {
		item->place.uid = st.st_uid;
		item->place.gid = st.st_gid;
	} else if (geteuid() == 0 && (user = getpwnam(TPM_USER)) != NULL) {
		item->place.uid = user->pw_uid;
		item->place.gid = user->pw_gid;
	}
}

/* TPM state lies in a directory for each uuid and version of the TPM. New string. */
static char *tpm_path(VkPlanner *planner, const VkFileRecord *file)
{
	gboolean old = g_strcmp0(planner->domain->tpm_version, "1.2") == 0;

	return g_build_filename(planner->tpm_directory ? planner->tpm_directory
						       : planner->facts->tpm_directory,
				planner->plan->uuid, old ? "tpm1.2" : "tpm2", file->name, NULL);
}

/* Whether variables may be in PATH: libvirt's directory, or what libvirt itself names for them. */
static gboolean may_have_nvram(const VkPlanner *planner, const char *path)
{
	return vk_planner_lies_in(path, planner->facts->nvram_directory) ||
	       (planner->present && g_strcmp0(planner->present->nvram, path) == 0);
}

/* The path that libvirt would use for the variables. New string. */
static char *default_nvram_path(const VkPlanner *planner)
{
	g_autofree char *name = g_strdup_printf("%s_VARS.fd", planner->plan->guest);

	return g_build_filename(planner->facts->nvram_directory, name, NULL);
}

/* The old path of the variables, if they may lie there. New string. */
static char *nvram_path(VkPlanner *planner, const VkFileRecord *file)
{
	char *path;

	if (may_have_nvram(planner, file->path))
		return g_strdup(file->path);
	path = default_nvram_path(planner);
	vk_restore_plan_note(
		planner->plan,
		"the firmware's variables were in '%s', outside of libvirt's directory: they go "
		"to '%s'",
		file->path, path);
	return path;
}

/* What the definition names is made or opened by libvirt, which gives it to the guest's QEMU. */
static void settle_unsaved_nvram(VkPlanner *planner)
{
	const char *named = planner->domain->nvram;
	char *path;

	if (planner->changes.nvram || may_have_nvram(planner, named)) {
		vk_restore_plan_note(
			planner->plan,
			"the firmware's variables were not saved: the guest starts with what "
			"the host has in '%s', else with new ones",
			planner->changes.nvram ? planner->changes.nvram : named);
		return;
	}
	path = default_nvram_path(planner);
	g_ptr_array_add(planner->words, path);
	planner->changes.nvram = path;
	vk_restore_plan_note(
		planner->plan,
		"the firmware's variables were not saved and in '%s', outside of libvirt's "
		"directory: the guest has them in '%s' now",
		named, path);
}

/* In place a file is replaced unasked only where it is the present guest's. */
static VkReplace may_replace(const VkPlanner *planner, gboolean is_present)
{
	return planner->replace == VK_REPLACE_IN_USE && !is_present && !planner->options->force
		       ? VK_REPLACE_NO
		       : planner->replace;
}

static gboolean add_tpm(VkPlanner *planner, const VkFileRecord *file, GError **error)
{
	VkRestoreItem *item =
		vk_restore_plan_add_item(planner->plan, file->name, FALSE, file->image->size);
	g_autofree char *path = tpm_path(planner, file);

	item->record = file->image;
	item->place.mode = file->mode & FILE_MODE;
	item->owner_directory = g_path_get_dirname(path);
	choose_tpm_owner(planner, item);
	return vk_place_set(item, path, planner->replace, planner->options->force, "", error);
}

static gboolean add_nvram(VkPlanner *planner, const VkFileRecord *file, const char *given,
			  GError **error)
{
	VkRestoreItem *item =
		vk_restore_plan_add_item(planner->plan, file->name, FALSE, file->image->size);
	g_autofree char *path = given ? g_strdup(given) : nvram_path(planner, file);
	gboolean is_present = planner->present && g_strcmp0(planner->present->nvram, path) == 0;

	item->record = file->image;
	item->place.mode = file->mode & FILE_MODE;
	if (!vk_place_set(item, path, may_replace(planner, is_present), planner->options->force, "",
			  error))
		return FALSE;
	if (g_strcmp0(item->path, planner->domain->nvram) != 0)
		planner->changes.nvram = item->path;
	return TRUE;
}

gboolean vk_planner_add_firmware(VkPlanner *planner, const char *given_nvram, GError **error)
{
	const GPtrArray *files = planner->snapshot->files;
	gboolean has_tpm = FALSE, has_nvram = FALSE;

	planner->changes.nvram = given_nvram;
	for (guint i = 0; i < files->len; i++) {
		const VkFileRecord *file = g_ptr_array_index(files, i);
		gboolean is_tpm = strcmp(file->role, "tpm") == 0;

		if (!file->path || strcmp(file->role, "boot") == 0)
			continue;
		has_tpm |= is_tpm;
		has_nvram |= !is_tpm;
		if (!vk_planner_check_firmware(file, error) ||
		    !(is_tpm ? add_tpm(planner, file, error)
			     : add_nvram(planner, file, given_nvram, error)))
			return FALSE;
	}
	if (planner->domain->nvram && !has_nvram)
		settle_unsaved_nvram(planner);
	if (planner->domain->has_emulated_tpm && !has_tpm)
		vk_restore_plan_note(planner->plan,
				     "the TPM's state was not saved: the guest starts with "
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
	vk_restore_plan_note(planner->plan, "the medium '%s' is gone: the drive '%s' is left empty",
			     disk->image->path, disk->target);
}

static void settle_disk(VkPlanner *planner, const VkDomainDisk *disk, gboolean drop)
{
	g_autofree char *label = vk_domain_image_label(disk->image);

	if (drop) {
		g_ptr_array_add(planner->changes.drop, g_strdup(disk->target));
		vk_restore_plan_note(
			planner->plan,
			"disk '%s' ('%s') was not saved: the new guest does not have it",
			disk->target, label);
	} else {
		vk_restore_plan_note(planner->plan,
				     "disk '%s' was not saved: '%s' is used as it is", disk->target,
				     label);
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
	/* The rewriting notes what becomes of a new guest's devices. */
	for (guint i = 0; !drop && i < domain->passthrough->len; i++)
		vk_restore_plan_note(
			planner->plan,
			"%s was passed through to the guest and must be there to start it",
			(const char *)g_ptr_array_index(domain->passthrough, i));
	if (!planner->snapshot->persistent)
		vk_restore_plan_note(planner->plan,
				     "the guest was transient and becomes persistent");
}
