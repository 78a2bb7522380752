/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firmware state that libvirt keeps beside the disks: UEFI variables (NVRAM) and the emulated
 * TPM's files. They are small, so they are copied into memory at the point in time and saved later.
 */
#pragma once

#include "domain.h"

#include <glib.h>

typedef struct VkFirmwareFile {
	char *name; /* "nvram.fd", "tpm2-00.permall" */
	char *role; /* "nvram" or "tpm" */
	char *path;
	guint32 mode;
	GBytes *content;
} VkFirmwareFile;

void vk_firmware_file_free(VkFirmwareFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFirmwareFile, vk_firmware_file_free)

/*
 * Copies what DOMAIN has. TPM_ROOT is where libvirt keeps TPM state, one directory a guest. It is
 * not an error if something is missing: libvirt makes it when the guest is first started. Returns
 * VkFirmwareFile*, owned by the array.
 */
GPtrArray *vk_firmware_capture(const VkDomain *domain, const char *tpm_root, GError **error);
