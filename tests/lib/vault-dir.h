/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vault in a new temporary directory, for the life of a test. */
#pragma once

#include "log.h"
#include "temp-vault.h"
#include "vault.h"

#include <check.h>

typedef struct {
	char *path;
	VkVault *vault;
} VaultDir;

static inline VkVault *vault_dir_new(VaultDir *dir)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;

	dir->path = temp_directory_new();
	path = g_build_filename(dir->path, "vault", NULL);
	dir->vault = vk_vault_init(path, &error);
	ck_assert_msg(dir->vault != NULL, "%s", error ? error->message : "");
	vk_vault_set_warn(dir->vault, vk_log_warning);
	return dir->vault;
}

static inline void vault_dir_clear(VaultDir *dir)
{
	vk_vault_free(dir->vault);
	temp_directory_remove(dir->path);
	g_free(dir->path);
}
