/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plan in words, and as JSON. Threads: free.
 */
#pragma once

#include "plan.h"

#include <glib.h>
#include <jansson.h>

/* In words, several lines. New string. */
char *vk_report_plan_text(const VkRestorePlan *plan);

/*
 * {snapshot, guest, disks, files, defined, started, shut_down, to_start, notes, command}; of disks
 * and files also what is replaced. New reference.
 */
json_t *vk_report_plan_json(const VkRestorePlan *plan, gboolean started);

/* What PLAN says of one ITEM, a disk or a file. New reference. */
json_t *vk_report_item_json(const VkRestorePlan *plan, const VkRestoreItem *item);
