/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of "virtkeep backup". */
#pragma once

#include "backup.h"
#include "json.h"
#include "program.h"

#include <glib.h>

/* Prints what a backup of the guests NAMES (NULL: all) would do. */
gboolean vk_cmd_backup_dry_run(VkProgram *program, char *const *names,
			       const VkBackupOptions *options, GError **error);

/*
 * A guest that failed, and the guests that were left out (VkLeftOut), for programs. New references.
 */
json_t *vk_failure_to_json(const char *guest, const GError *trouble);
json_t *vk_left_out_to_json(const GPtrArray *left_out);

/* The lines of one snapshot and its disks, for people. */
void vk_cmd_backup_print_snapshot(const VkSnapshot *snapshot);

/* The document of a whole run, which took USEC microseconds. New reference. */
json_t *vk_cmd_backup_to_json(const VkBackupResult *result, gint64 usec);
