/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "firmware.h"

#include "errors.h"
#include "io.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE_MAX (64u << 20) /* the largest flash of a machine type that QEMU knows */
#define TPM_FILES_MAX 16u
#define TPM_NAME_MAX  100u

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

static gboolean read_content(int fd, VkFirmwareFile *file, GError **error)
{
	struct stat facts;
	off_t size = lseek(fd, 0, SEEK_END);
	g_autofree guint8 *content = NULL;
	gsize length;

	if (fstat(fd, &facts) != 0 || !(S_ISREG(facts.st_mode) || S_ISBLK(facts.st_mode)) ||
	    size < 0)
		return vk_fail(error, VK_ERROR_FAILED, "'%s' is neither a file nor a device",
			       file->path);
	if (size > FILE_SIZE_MAX)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' has more than %u MiB: no firmware state is that large",
			       file->path, FILE_SIZE_MAX >> 20);
	content = g_malloc((gsize)size);
	if (!vk_io_read(fd, file->path, 0, content, (gsize)size, &length, error))
		return FALSE;
	file->mode = facts.st_mode & 0777;
	file->content = g_bytes_new_take(g_steal_pointer(&content), length);
	return TRUE;
}

/* Adds the file at PATH to FILES, or nothing when there is none. */
static gboolean capture_file(GPtrArray *files, const char *name, const char *role, const char *path,
			     GError **error)
{
	g_autoptr(VkFirmwareFile) file = g_new0(VkFirmwareFile, 1);
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &trouble);

	if (fd < 0) {
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	file->name = g_strdup(name);
	file->role = g_strdup(role);
	file->path = g_strdup(path);
	if (!read_content(fd, file, error))
		return FALSE;
	g_ptr_array_add(files, g_steal_pointer(&file));
	return TRUE;
}

/* swtpm's files are "tpm2-00.permall" and the like; besides there is its lock, and "TMP...". */
static gboolean is_tpm_state(const char *name)
{
	return g_str_has_prefix(name, "tpm") && strlen(name) <= TPM_NAME_MAX;
}

static gboolean capture_tpm(GPtrArray *files, const VkDomain *domain, const char *tpm_root,
			    GError **error)
{
	const char *kind = g_strcmp0(domain->tpm_version, "1.2") == 0 ? "tpm1.2" : "tpm2";
	g_autofree char *path = g_build_filename(tpm_root, domain->uuid, kind, NULL);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &trouble);
	const char *entry;
	guint count = 0;

	if (!dir && g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return TRUE;
	if (!dir)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read the TPM's state: %s",
			       trouble->message);
	while ((entry = g_dir_read_name(dir))) {
		g_autofree char *file_path = g_build_filename(path, entry, NULL);

		if (!is_tpm_state(entry))
			continue;
		if (++count > TPM_FILES_MAX)
			return vk_fail(error, VK_ERROR_FAILED, "'%s' has more than %u files", path,
				       TPM_FILES_MAX);
		if (!capture_file(files, entry, "tpm", file_path, error))
			return FALSE;
	}
	return TRUE;
}

GPtrArray *vk_firmware_capture(const VkDomain *domain, const char *tpm_root, GError **error)
{
	g_autoptr(GPtrArray) files =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_firmware_file_free);

	if (domain->nvram && !capture_file(files, "nvram.fd", "nvram", domain->nvram, error))
		return NULL;
	if (domain->has_emulated_tpm && !capture_tpm(files, domain, tpm_root, error))
		return NULL;
	return g_steal_pointer(&files);
}
