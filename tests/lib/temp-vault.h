/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests need of a vault: a directory, made-up snapshots, a seed.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* A new directory below the temporary directory, and its removal with all in it. */
char *temp_directory_new(void);
void temp_directory_remove(const char *path);

/* A copy of a directory of folders and files. TO must not be there. */
void temp_directory_copy(const char *from, const char *to);

/*
 * With VK_TEST_ENCRYPTED in the environment, the vaults that a test makes are encrypted, with
 * VK_TEST_PARITY they have parity, so that a test can run on all kinds.
 */
gboolean test_is_encrypted(void);

/* Writes the key file of these vaults. */
void test_write_key_file(const char *path);

VkVault *test_vault_init(const char *url, GError **error);
VkVault *test_vault_open(const char *url, VkVaultMode mode, GError **error);
#define vk_vault_init test_vault_init
#define vk_vault_open test_vault_open

/* The file of the object or folder NAME. New string. */
char *test_vault_path(const VkVault *vault, const char *name);

/* A snapshot of a made-up guest with one disk "vda" whose image is taken over. */
VkSnapshot *make_snapshot(const char *uuid, const char *time, VkImageRecord *image);

/* The seed of this run: VK_TEST_SEED, or by chance. Printed, so that a failure can be repeated. */
guint32 test_seed(void);
