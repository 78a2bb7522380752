/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of "virtkeep forget" share. Threads: one at a time. */
#pragma once

#include "program.h"
#include "vault.h"

#include <glib.h>
#include <jansson.h>

/* What the command line says beside names. */
typedef struct VkForgetHow {
	gboolean dry_run;
	gboolean gc;     /* collect garbage after it */
	const char *job; /* only what this job took, of guests that the host has; nullable */
} VkForgetHow;

/* "forget --policy": for the guests NAMES, or with NULL for all. */
gboolean vk_cmd_forget_policy(VkProgram *program, char *const *names, const VkForgetHow *how,
			      GError **error);

/* How many of the snapshots that are listed the rules of JOB would forget now. Changes nothing. */
gboolean vk_forget_count(const VkProgram *program, const char *job, guint *ret_count,
			 GError **error);

/*
 * Collects garbage if HOW says so: the vault is open for it. In a dry run FORGOTTEN,
 * VkSnapshotKey*, count as forgotten. Adds what was done to JSON as "gc", and prints it.
 * TROUBLE (nullable), of the forgetting, is taken over. If both went wrong it is logged, and ERROR
 * is of the collection. FALSE when anything went wrong.
 */
gboolean vk_forget_collect(const VkProgram *program, VkVault *vault, const VkForgetHow *how,
			   const GPtrArray *forgotten, json_t *json, GError *trouble,
			   GError **error);

/* Prints a plan (forget-plan.h): every snapshot of it with the reasons, or what was forgotten. */
void vk_forget_print_plan(const GPtrArray *plan);
void vk_forget_print_done(const GPtrArray *plan);
json_t *vk_forget_to_json(const GPtrArray *plan, gboolean dry_run); /* new reference */
