/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands that are programs of their own, run in this one's place. Threads: one at a time. */
#pragma once

#include "program.h"

#include <glib.h>

/* Adds the options that came before the command to ARGUMENTS, which owns its strings. */
void vk_program_add_given(const VkProgram *program, GPtrArray *arguments);

/*
 * Where the program NAME lies: beside this one, or in "../FOLDER" from there, where a build leaves
 * it, or among virtkeep's helpers. Else its bare name, which is searched in PATH. New string.
 */
char *vk_program_find(const char *folder, const char *name);

/*
 * Runs the program NAME with the common options that came before the command, and ARGV from its
 * second word on, or lets it complete them. Nothing behind the command is parsed here, so that the
 * program alone knows its options. vk_program_find() finds it. Returns only when it could not be
 * run.
 */
gboolean vk_run_program(const VkProgram *program, const char *folder, const char *name, int argc,
			char **argv, GError **error);
