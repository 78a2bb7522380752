/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of "virtkeep status". */
#pragma once

#include "program.h"
#include "vault.h"

#include <glib.h>

/*
 * Shows how well each guest of the host and the vault is saved, and how the vault is. Unless NAMES
 * (never NULL, as for vk_select_guests()) is empty, only guests that fit one of them.
 */
gboolean vk_cmd_status_overview(VkProgram *program, VkVault *vault, char *const *names,
				GError **error);
