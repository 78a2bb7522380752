/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that backups and restores have left beside images and among the scratch files. */
#include "doctor-priv.h"

#include "backup-job.h"
#include "new-file.h"
#include "safe-path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* NAME in DIRECTORY has the name of an image that was replaced. */
static void examine_replaced(VkDoctorVisit *visit, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *quoted = g_shell_quote(path);

	vk_doctor_add(
		visit, "file",
		g_strdup_printf("'%s' is a disk as it was before a restore; remove it when the "
				"guest is well",
				path),
		g_strconcat("rm ", quoted, NULL));
}

/* NAME in DIRECTORY has the name of where a restore writes. */
static void examine_temporary(VkDoctorVisit *visit, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autoptr(GError) trouble = NULL;
	VkFinding *finding;

	if (!vk_new_file_is_leftover(directory, name))
		return;
	finding = vk_doctor_add(
		visit, "file",
		g_strdup_printf("'%s' is a leftover of a restore that was killed", path),
		vk_finding_fix_command());
	if (!visit->options->fix)
		return;
	finding->fixed = vk_new_file_remove_leftover(directory, name, &trouble);
	if (!finding->fixed)
		vk_finding_set_obstacle(finding, trouble->message);
}

/* Beside the image PATH, which has no symbolic links. */
static void examine_neighbours(VkDoctorVisit *visit, const char *path, GHashTable *seen)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *directory = g_path_get_dirname(path);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gboolean is_old = vk_new_file_is_replaced(name, base);

		if ((!is_old && !vk_new_file_is_temporary(name, base)) ||
		    !g_hash_table_add(seen, g_build_filename(directory, name, NULL)))
			continue;
		if (is_old)
			examine_replaced(visit, directory, name);
		else
			examine_temporary(visit, directory, name);
	}
}

void vk_doctor_examine_files(VkDoctorVisit *visit)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autofree char *image = vk_doctor_image_path(visit, disk);
		g_autofree char *path = image ? vk_safe_path(image, NULL) : NULL;

		if (path)
			examine_neighbours(visit, path, seen);
	}
}

/* No process has the file open: otherwise the kernel gives no lease on it. */
static gboolean is_unused(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	gboolean unused;

	if (fd < 0)
		return FALSE;
	unused = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	close(fd);
	return unused;
}

static void remove_file(VkFinding *finding, const char *path)
{
	finding->fixed = g_unlink(path) == 0;
	if (!finding->fixed)
		vk_finding_set_obstacle(finding, g_strerror(errno));
}

static gboolean is_of_guest(const GPtrArray *guests, const char *uuid)
{
	for (guint i = 0; i < guests->len; i++)
		if (g_str_equal(uuid, vk_guest_uuid(g_ptr_array_index(guests, i))))
			return TRUE;
	return FALSE;
}

void vk_doctor_host(const GPtrArray *guests, const VkDoctorOptions *options, GPtrArray *findings)
{
	g_autoptr(GDir) dir = g_dir_open(options->scratch_dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *uuid = vk_backup_scratch_owner(name);
		g_autofree char *path = g_build_filename(options->scratch_dir, name, NULL);
		VkFinding *finding;

		if (!uuid || is_of_guest(guests, uuid))
			continue;
		finding = vk_finding_add(
			findings, NULL, "file",
			g_strdup_printf(
				"'%s' is a leftover of a backup of a guest that no longer exists",
				path),
			vk_finding_fix_command());
		if (options->fix && is_unused(path))
			remove_file(finding, path);
	}
}
