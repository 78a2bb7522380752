/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether what is saved lies beside its original: a disk that dies takes both. Threads: free. */
#pragma once

#include "host.h"
#include "vault.h"

#include <glib.h>

/*
 * Whether both paths lie on one file system, as far as the system tells. FALSE when one is not
 * there.
 */
gboolean vk_is_same_file_system(const char *one, const char *other);

/*
 * Tells that VAULT lies where the image at PATH of the guest does, if so. Returns whether it does.
 */
gboolean vk_warn_same_file_system(const VkVault *vault, const char *guest, const char *path);

/* Tells it of the first guest of HOST, which is this machine's, that it is so for. */
void vk_warn_same_file_system_of_host(const VkVault *vault, VkHost *host);
