/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which vaults this host has seen in which directory. If a vault is missing there, its file system
 * is probably not mounted. There is one small file for each directory. If it is lost, only advice
 * is lost, so nothing here fails. Threads: free.
 */
#pragma once

#include "vault.h"

#include <glib.h>

/*
 * The ids of the vaults that were seen at DIRECTORY, the latest first. char*, owned by the array.
 */
GPtrArray *vk_known_vaults_at(const char *state_dir, const char *directory);

/*
 * Whether the vault ID, or the latest one seen at DIRECTORY, was encrypted: one that is not was put
 * in its place.
 */
gboolean vk_known_vaults_was_encrypted(const char *state_dir, const char *directory,
				       const char *id);

/* Remembers VAULT at its directory. */
void vk_known_vaults_add(const char *state_dir, const VkVault *vault);
