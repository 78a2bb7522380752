/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of metrics.h. */
#pragma once

#include "exposition.h"
#include "overview.h"
#include "vault.h"

void vk_metrics_add_guests(VkExposition *exposition, VkVault *vault, const VkOverview *overview);

/* DIRECTORY is that of the history. Trouble with it is a warning. */
void vk_metrics_add_runs(VkExposition *exposition, VkVault *vault, const char *directory);
gboolean vk_metrics_add_vault(VkExposition *exposition, VkVault *vault, GError **error);
gboolean vk_metrics_add_space(VkExposition *exposition, VkVault *vault, GError **error);
