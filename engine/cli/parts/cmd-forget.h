/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of "virtkeep forget" share. Threads: one at a time. */
#pragma once

#include "program.h"

#include <glib.h>

/* "forget --policy": for the guests NAMES, or with NULL for all. */
gboolean vk_cmd_forget_policy(VkProgram *program, char *const *names, gboolean dry_run,
			      GError **error);

/* Prints a plan (forget-plan.h): every snapshot of it with the reasons, or what was forgotten. */
void vk_forget_print_plan(const GPtrArray *plan);
void vk_forget_print_done(const GPtrArray *plan);
void vk_forget_print_json(const GPtrArray *plan, gboolean dry_run);
