/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening the vault that a program is to work on. Threads: one at a time. */
#pragma once

#include "program.h"
#include "vault.h"

/*
 * Opens the vault that the program is told of; errors as of vk_vault_open(). When there is none, it
 * says what may be missing. URL: NULL, or one that the program was told otherwise.
 */
VkVault *vk_open_vault(const VkProgram *program, const char *url, VkVaultMode mode, GError **error);

/* Makes the program's vault. Not where another was seen before, unless with FORCE. */
VkVault *vk_make_vault(const VkProgram *program, gboolean force, GError **error);
