/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a vault lies beside the images that it saves: a disk that fails destroys both. Threads:
 * free.
 */
#pragma once

#include "host.h"
#include "vault.h"

#include <glib.h>

/*
 * Whether both paths lie on one file system, as far as the system shows. FALSE when one is missing.
 */
gboolean vk_is_same_file_system(const char *one, const char *other);

/*
 * Warns if VAULT lies on the file system of PATH, an image of the guest. Returns whether it does.
 */
gboolean vk_warn_same_file_system(const VkVault *vault, const char *guest, const char *path);

/* Warns for the first guest of HOST, which is on this machine, whose image lies there. */
void vk_warn_same_file_system_of_host(const VkVault *vault, VkHost *host);
