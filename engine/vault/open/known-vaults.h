/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which vaults were seen at which directory. If there is none any more, its file system is probably
 * not mounted. This host keeps one small file a directory. Only advice is lost with them, so that
 * nothing here fails. Threads: free.
 */
#pragma once

#include "vault.h"

#include <glib.h>

/*
 * The ids of the vaults that were seen at DIRECTORY, the latest first. char*, owned by the array.
 */
GPtrArray *vk_known_vaults_at(const char *state_dir, const char *directory);

/* Remembers VAULT at its directory. */
void vk_known_vaults_add(const char *state_dir, const VkVault *vault);
