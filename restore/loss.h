/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a restore in place loses: everything that was written after the snapshot. Threads: one at a
 * time.
 */
#pragma once

#include "plan.h"

#include <glib.h>

/*
 * In words: since when, and how much time that is up to NOW (seconds since 1970). NULL for a plan
 * that is not in place. New string.
 */
char *vk_loss_text(const VkRestorePlan *plan, gint64 now);

/* Seconds; 0 for a snapshot whose time is still to come. */
gint64 vk_loss_seconds(const VkRestorePlan *plan, gint64 now);

/*
 * Asks on a terminal for the guest's name before PLAN, which is in place, is applied. TRUE without
 * a question if there is no terminal. VK_ERROR_FAILED when something else was typed.
 */
gboolean vk_loss_confirm(const VkRestorePlan *plan, GError **error);
