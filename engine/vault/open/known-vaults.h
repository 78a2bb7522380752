/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which vaults were seen at which directory: when there is none any more, its file system is
 * probably not mounted. One small file a directory, below a directory of this host. Losing them
 * loses the word only, so that nothing here fails. Threads: free.
 */
#pragma once

#include "vault.h"

#include <glib.h>

/* The ids of the vaults that were seen at DIRECTORY, the last one first. char*, owned by the array. */
GPtrArray *vk_known_vaults_at(const char *state_dir, const char *directory);

/* Remembers VAULT at its directory. */
void vk_known_vaults_add(const char *state_dir, const VkVault *vault);
