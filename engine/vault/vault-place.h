/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a vault can be: its place is the absolute path of a directory, or the URL of a bucket,
 * "s3:https://ENDPOINT/BUCKET[/PREFIX]". Threads: free.
 */
#pragma once

#include "store.h"

#include <glib.h>

/*
 * The place that a vault's URL names: "dir:/path" or a path, or "s3:...". New string.
 * VK_ERROR_USAGE for what could be something else, like "host:/path".
 */
char *vk_vault_place_parse(const char *url, GError **error);

gboolean vk_vault_place_is_directory(const char *place);

/* FALSE when there is no directory. A bucket is taken to be there. */
gboolean vk_vault_place_exists(const char *place);

/* Whether a vault lies there, readable or not. */
gboolean vk_vault_is_there(const char *place);

/*
 * The store at PLACE. With IS_NEW it is for a new vault: a directory is made, with its folders, and
 * a bucket must be of use.
 */
VkStore *vk_vault_place_open(const char *place, gboolean is_new, GError **error);

/* Makes the place itself durable. */
gboolean vk_vault_place_sync(const char *place, GError **error);

/* Whether it can be written to, as far as can be said without writing. */
gboolean vk_vault_place_may_write(const char *place, GError **error);
