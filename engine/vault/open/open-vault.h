/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening the vault that a program works on. Threads: one at a time. */
#pragma once

#include "program.h"
#include "vault.h"

/*
 * Opens the vault at URL, or that of the section [vault URL]; NULL: at the URL of the program.
 * Errors as of vk_vault_open(). If there is no vault, the error says what may be missing.
 */
VkVault *vk_open_vault(const VkProgram *program, const char *url, VkVaultMode mode, GError **error);

/*
 * The same for who reads listed snapshots and does nothing else. What is read of a bucket is kept
 * on this host; if ONCE, as there is much of it, in memory alone.
 */
VkVault *vk_open_vault_to_read(const VkProgram *program, const char *url, gboolean once,
			       GError **error);

/* How to get at the bucket at URL, by the program's settings. All others here do it by themselves.
 */
void vk_open_set_access(const VkProgram *program, const char *url);

typedef enum {
	VK_MAKE_FORCE = 1,  /* even if a vault was seen there before */
	VK_MAKE_PARITY = 2, /* with parity in its packs */
} VkMakeFlags;

/* Makes the program's vault. Refuses if a vault was seen there before, but for VK_MAKE_FORCE. */
VkVault *vk_make_vault(const VkProgram *program, VkMakeFlags flags, GError **error);

/*
 * The same of an encrypted vault. Its first key, called LABEL (nullable), comes from where
 * vk_vault_secret_find() finds it; if nowhere, a passphrase is asked for.
 */
VkVault *vk_make_encrypted_vault(const VkProgram *program, const char *label, VkMakeFlags flags,
				 GError **error);
