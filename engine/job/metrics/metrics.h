/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What monitoring asks of a vault and of the guests of a host, as text for Prometheus. All times
 * are when something happened: how long ago that is, the query knows better. Threads: one at a
 * time.
 */
#pragma once

#include "settings.h"
#include "vault.h"

#include <glib.h>

/* How well each guest is saved, how the vault is, and how the last runs ended. Cheap. New string.
 */
char *vk_metrics_text(VkVault *vault, const VkSettings *settings, const char *libvirt_uri,
		      GError **error);

/* What guests take in the vault, and nothing else. Reads all maps (space.h). New string. */
char *vk_metrics_space_text(VkVault *vault, GError **error);

/* Puts TEXT into the file PATH, which all may read, atomically. */
gboolean vk_metrics_write(const char *path, const char *text, GError **error);
