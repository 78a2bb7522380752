/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vault in a new temporary directory, for the life of a test. */
#pragma once

#include "vault.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

typedef struct {
	char *path;
	VkVault *vault;
} VaultDir;

static inline VkVault *vault_dir_new(VaultDir *dir)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;

	dir->path = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir->path);
	path = g_build_filename(dir->path, "vault", NULL);
	dir->vault = vk_vault_init(path, &error);
	ck_assert_msg(dir->vault != NULL, "%s", error ? error->message : "");
	return dir->vault;
}

static inline int vault_dir_remove_one(const char *path, const struct stat *facts, int kind,
				       struct FTW *place)
{
	return remove(path);
}

static inline void vault_dir_clear(VaultDir *dir)
{
	vk_vault_free(dir->vault);
	nftw(dir->path, vault_dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	g_free(dir->path);
}
