/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the secret of an encrypted vault comes from: the first that is there of the file that
 * VIRTKEEP_KEY_FILE names, "key_file" of its section, the credential "virtkeep-key" that systemd
 * passes, the output of "key_command", and a prompt on the terminal. For a vault with a section
 * [vault NAME], the credential is "virtkeep-key-NAME", and VIRTKEEP_KEY_FILE does not count. A file
 * that others may read is refused. Threads: one at a time.
 */
#pragma once

#include "program.h"
#include "secret.h"

#include <glib.h>

/*
 * Whether anything but the terminal has a secret for the vault at URL: if it is not encrypted, it
 * is then not what the user thinks.
 */
gboolean vk_vault_secret_is_configured(const VkProgram *program, const char *url);

/*
 * The secret for the vault at URL. New. NULL with an error when there is none, and no terminal to
 * ask at.
 */
VkSecret *vk_vault_secret_find(const VkProgram *program, const char *url, GError **error);

/* The content of the key file PATH. New. */
VkSecret *vk_vault_secret_read(const char *path, GError **error);

/* Asks at the terminal, twice, for a new passphrase for PURPOSE. New. */
VkSecret *vk_vault_secret_ask_new(const char *purpose, GError **error);
