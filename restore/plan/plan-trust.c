/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far a plan trusts a snapshot. A user who can write to the vault can write any name and any
 * path into a snapshot, and a restore runs as root. So names must agree, firmware goes only to
 * libvirt's directories, and an existing file is replaced without --force only if libvirt says that
 * it belongs to the guest.
 */
#include "planner-priv.h"

#include "errors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean vk_planner_check_identity(const VkSnapshot *snapshot, const VkDomain *domain,
				   GError **error)
{
	if (strcmp(domain->name, snapshot->name) == 0 && strcmp(domain->uuid, snapshot->uuid) == 0)
		return TRUE;
	return vk_fail(error, VK_ERROR_DAMAGE,
		       "the snapshot is of guest '%s' (%s), but the definition in it is of '%s' "
		       "(%s): the snapshot was changed; only --disk and --file can read it",
		       snapshot->name, snapshot->uuid, domain->name, domain->uuid);
}

static gboolean lies_below(const char *path, const char *const *directories)
{
	for (; *directories; directories++)
		if (g_str_has_prefix(path, *directories) && path[strlen(*directories)] == '/')
			return TRUE;
	return FALSE;
}

/* What the host itself runs from, and what programs read by themselves. */
static gboolean is_system_path(const char *path)
{
	static const char *const system[] = {"/bin",
					     "/boot",
					     "/etc",
					     "/lib",
					     "/lib32",
					     "/lib64",
					     "/libx32",
					     "/proc",
					     "/run",
					     "/sbin",
					     "/sys",
					     "/usr",
					     "/var/lib/dpkg",
					     "/var/lib/polkit-1",
					     "/var/run",
					     "/var/spool",
					     NULL};
	/* Desktops mount removable media there. */
	static const char *const media[] = {"/run/media", NULL};

	return lies_below(path, system) && !lies_below(path, media);
}

/* Shells, services and ssh run or trust what lies there. Some guests of users also lie there. */
static gboolean is_hidden_path(const char *path)
{
	static const char *const images[] = {"/.local/share/libvirt/images",
					     "/.local/share/gnome-boxes",
					     "/.var/app/org.gnome.Boxes/data/gnome-boxes", NULL};
	const char *hidden = strstr(path, "/.");

	for (const char *const *place = images; hidden && *place; place++)
		if (g_str_has_prefix(hidden, *place) && hidden[strlen(*place)] == '/')
			return strstr(hidden + strlen(*place), "/.") != NULL;
	return hidden != NULL;
}

/* The system's places are shut to others than root anyhow. */
static gboolean is_forbidden(const char *path)
{
	return is_hidden_path(path) || (geteuid() == 0 && is_system_path(path));
}

gboolean vk_planner_check_place(const char *path, const char *target, GError **error)
{
	g_autofree char *canonical = g_canonicalize_filename(path, "/");
	g_autofree char *directory = g_path_get_dirname(canonical);
	g_autofree char *base = g_path_get_basename(canonical);
	char *real = realpath(directory, NULL);
	g_autofree char *resolved = g_build_filename(real ? real : directory, base, NULL);

	free(real);
	/* It is unknown from where a relative path started. */
	return (g_path_is_absolute(path) && !is_forbidden(canonical) && !is_forbidden(resolved)) ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "the snapshot says that disk '%s' was '%s', which is a place of the "
		       "system: use --to DIR to restore elsewhere",
		       target, path);
}

/* Whether IMAGE is the file of PATH, by whatever name. */
static gboolean is_file_of(const VkFacts *facts, const VkDomainImage *image,
			   const struct stat *file)
{
	g_autofree char *volume = NULL;
	const char *path = image ? image->path : NULL;
	struct stat st;

	if (image && image->pool && image->volume)
		path = volume = facts->ops->volume_path(facts, image->pool, image->volume, NULL);
	return path && stat(path, &st) == 0 && st.st_dev == file->st_dev &&
	       st.st_ino == file->st_ino;
}

GPtrArray *vk_planner_disks_of(const VkFacts *facts, const VkDomain *present, const char *path)
{
	GPtrArray *found = g_ptr_array_new();
	struct stat file;

	if (stat(path, &file) < 0)
		return found;
	for (guint i = 0; i < present->disks->len; i++) {
		VkDomainDisk *disk = g_ptr_array_index(present->disks, i);

		if (is_file_of(facts, disk->image, &file))
			g_ptr_array_add(found, disk);
	}
	return found;
}

/*
 * A file that is there is replaced only where it is known what the definition says of it; of a file
 * that has other things beside the disk nothing may be written.
 */
gboolean vk_planner_check_understood(const VkDomainDisk *disk, const VkRestoreItem *item,
				     GError **error)
{
	if (disk->image && disk->image->sliced)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"disk '%s' is a part of the image '%s', which would be replaced as a "
			"whole: use --disk %s=PATH, or --to DIR",
			disk->target, item->path, item->name);
	if (disk->unknown && item->exists)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the definition of disk '%s' has %s, which this version of virtkeep "
			       "does not know, and '%s' would be replaced: use --disk %s=PATH, or "
			       "--to DIR",
			       disk->target, disk->unknown, item->path, item->name);
	return TRUE;
}

gboolean vk_planner_check_firmware(const VkFileRecord *file, GError **error)
{
	if (file->image->size > VK_FIRMWARE_FILE_MAX)
		return vk_fail(
			error, VK_ERROR_DAMAGE,
			"the snapshot's file '%s' has more than %u MiB: no firmware state is "
			"that large",
			file->name, VK_FIRMWARE_FILE_MAX >> 20);
	if (strcmp(file->role, "tpm") == 0 && !vk_is_tpm_state(file->name))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "the snapshot's file '%s' cannot be state of a TPM", file->name);
	return TRUE;
}

gboolean vk_planner_lies_in(const char *path, const char *directory)
{
	g_autofree char *canonical = g_canonicalize_filename(path, "/");
	g_autofree char *above = g_path_get_dirname(canonical);
	char *real = realpath(above, NULL);
	char *real_directory = realpath(directory, NULL);
	gboolean lies = g_path_is_absolute(path) && real && real_directory &&
			strcmp(real, real_directory) == 0;

	free(real);
	free(real_directory);
	return lies;
}
