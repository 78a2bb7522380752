/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of virtkeep. Each parses its own options together with the common ones by
 * vk_cmd_parse(), prints its result on stdout, and hands back one error for main() to print.
 * ARGV[0] is the command's name.
 */
#pragma once

#include "program.h"

#include <glib.h>

typedef gboolean (*VkCmdFunc)(VkProgram *program, int argc, char **argv, GError **error);

gboolean vk_cmd_backup(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_check(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_config(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_config_check(VkProgram *program, GError **error); /* "config check" */
gboolean vk_cmd_discover(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_copy(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_status(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_doctor(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_files(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_forget(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_unforget(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_gc(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_init(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_key(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_job(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_list(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_log(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_metrics(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_mount(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_notify(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_pin(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_unpin(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_rebuild(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_repair(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_replicate(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_report(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_restore(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_show(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_space(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_tag(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_verify(VkProgram *program, int argc, char **argv, GError **error);
gboolean vk_cmd_why(VkProgram *program, int argc, char **argv, GError **error);

/*
 * Parses a command's options and starts the program. USAGE is what follows "virtkeep [OPTION...]"
 * in the help, "list [GUEST]"; SUMMARY is the help's text about it; ENTRIES (nullable) are the
 * command's own options, ended by a null entry. MAX_ARGUMENTS is how many it takes beside options,
 * -1 for any. *RET_ARGUMENTS is the NULL-terminated list of these, borrowed from ARGV. Prints the
 * help for --help, or answers a shell that completes, and exits then. complete.c has to know each
 * kind of word in USAGE and each kind of value in ENTRIES. VK_ERROR_USAGE for an unknown option.
 */
gboolean vk_cmd_parse(VkProgram *program, const char *usage, const char *summary,
		      const GOptionEntry *entries, int max_arguments, int argc, char **argv,
		      char ***ret_arguments, GError **error);

/*
 * The value of --limit-rate (nullable: no limit), in bytes per second: bounded as the rate of
 * backups.
 */
gboolean vk_cmd_parse_rate(const char *text, guint64 *ret, GError **error);

/* The value of --max-age (nullable: the default), in seconds. */
#define VK_MAX_AGE_DEFAULT "26h"
gboolean vk_cmd_parse_max_age(const char *text, gint64 *ret_sec, GError **error);
