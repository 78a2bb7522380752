/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "firmware.h"

#include "errors.h"
#include "io.h"
#include "safe-path.h"
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TPM_FILES_MAX 16u

void vk_firmware_file_free(VkFirmwareFile *file)
{
	if (!file)
		return;
	g_free(file->name);
	g_free(file->role);
	g_free(file->path);
	g_clear_pointer(&file->content, g_bytes_unref);
	g_free(file);
}

/*
 * QEMU and swtpm, which a guest may have taken over, write to the directories of these files. What
 * they could have linked there from elsewhere, secrets of the host, must not get into a snapshot.
 * OWNER is who has the directory of TPM state. (NVRAM is QEMU's while the guest runs, and root's or
 * its maker's when it is off.)
 */
static gboolean check_file(const VkFirmwareFile *file, const struct stat *facts, uid_t owner,
			   GError **error)
{
	gboolean is_tpm = g_str_equal(file->role, "tpm");

	if (!S_ISREG(facts->st_mode) && !(S_ISBLK(facts->st_mode) && !is_tpm))
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a device",
			       file->path);
	if (S_ISREG(facts->st_mode) && facts->st_nlink != 1)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' has other names, so it may be another file than the "
			       "guest's; replace it by a copy",
			       file->path);
	if (is_tpm && facts->st_uid != owner)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' belongs to another user than its directory, so it may be "
			       "another file than the guest's; run 'chown' on it if it is right",
			       file->path);
	return TRUE;
}

static gboolean read_content(int fd, VkFirmwareFile *file, uid_t owner, GError **error)
{
	struct stat facts;
	off_t size;
	g_autofree guint8 *content = NULL;
	gsize length;

	if (fstat(fd, &facts) != 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", file->path);
	if (!check_file(file, &facts, owner, error))
		return FALSE;
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return vk_fail_errno(error, errno, "cannot get the size of '%s'", file->path);
	if (size > VK_FIRMWARE_FILE_MAX)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' has more than %u MiB: no firmware state is that large",
			       file->path, VK_FIRMWARE_FILE_MAX >> 20);
	content = g_malloc((gsize)size);
	if (!vk_io_read(fd, file->path, 0, content, (gsize)size, &length, error))
		return FALSE;
	file->mode = facts.st_mode & 0777;
	file->content = g_bytes_new_take(g_steal_pointer(&content), length);
	return TRUE;
}

/* Adds the file at PATH to FILES, or nothing when there is none. OWNER: see check_file(). */
static gboolean capture_file(GPtrArray *files, const char *name, const char *role, const char *path,
			     uid_t owner, GError **error)
{
	g_autoptr(VkFirmwareFile) file = g_new0(VkFirmwareFile, 1);
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = vk_safe_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &trouble);

	if (fd < 0) {
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	file->name = g_strdup(name);
	file->role = g_strdup(role);
	file->path = g_strdup(path);
	if (!read_content(fd, file, owner, error))
		return FALSE;
	g_ptr_array_add(files, g_steal_pointer(&file));
	return TRUE;
}

/* The entries of the directory FD, and who has it. NULL after a failure. */
static GDir *list_directory(int fd, const char *path, uid_t *ret_owner, GError **error)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autoptr(GError) trouble = NULL;
	GDir *dir = g_dir_open(link, 0, &trouble);
	struct stat facts;

	if (dir && fstat(fd, &facts) == 0) {
		*ret_owner = facts.st_uid;
		return dir;
	}
	g_clear_pointer(&dir, g_dir_close);
	vk_fail(error, VK_ERROR_FAILED, "cannot read the TPM's state in '%s': %s", path,
		trouble ? trouble->message : "no reason given");
	return NULL;
}

static gboolean capture_tpm(GPtrArray *files, const VkDomain *domain, const char *tpm_root,
			    GError **error)
{
	const char *kind = g_strcmp0(domain->tpm_version, "1.2") == 0 ? "tpm1.2" : "tpm2";
	g_autofree char *path = g_build_filename(tpm_root, domain->uuid, kind, NULL);
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = vk_safe_open(path, O_RDONLY | O_DIRECTORY, &trouble);
	g_autoptr(GDir) dir = NULL;
	const char *entry;
	uid_t owner = 0;
	guint count = 0;

	if (fd < 0 && g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	if (fd < 0) {
		g_propagate_prefixed_error(error, g_steal_pointer(&trouble), "the TPM's state: ");
		return FALSE;
	}
	dir = list_directory(fd, path, &owner, error);
	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *file_path = g_build_filename(path, entry, NULL);

		/* Besides there is swtpm's lock, and "TMP...". */
		if (!vk_is_tpm_state(entry))
			continue;
		if (++count > TPM_FILES_MAX)
			return vk_fail(error, VK_ERROR_FAILED, "'%s' has more than %u files", path,
				       TPM_FILES_MAX);
		if (!capture_file(files, entry, "tpm", file_path, owner, error))
			return FALSE;
	}
	return dir != NULL;
}

GPtrArray *vk_firmware_capture(const VkDomain *domain, const char *tpm_root, GError **error)
{
	g_autoptr(GPtrArray) files =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_firmware_file_free);

	if (domain->nvram && !capture_file(files, "nvram.fd", "nvram", domain->nvram, 0, error))
		return NULL;
	if (domain->has_emulated_tpm && !capture_tpm(files, domain, tpm_root, error))
		return NULL;
	return g_steal_pointer(&files);
}
