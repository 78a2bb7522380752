/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which vaults this host has seen at which place (vk_vault_url_place). If a vault is missing in a
 * directory, its file system is probably not mounted. There is one small file for each place. If it
 * is lost, only advice is lost, so nothing here fails. Threads: free.
 */
#pragma once

#include "vault.h"

#include <glib.h>

/*
 * The ids of the vaults that were seen at PLACE, the latest first. char*, owned by the array.
 */
GPtrArray *vk_known_vaults_at(const char *state_dir, const char *place);

/*
 * Whether the vault ID, or the latest one seen at PLACE, was encrypted: one that is not was put
 * in its place.
 */
gboolean vk_known_vaults_was_encrypted(const char *state_dir, const char *place, const char *id);

/* Remembers VAULT at its place. */
void vk_known_vaults_add(const char *state_dir, const VkVault *vault);
