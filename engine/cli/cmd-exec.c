/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mount, restore and files are programs of their own, run in this one's place. */
#include "cmd.h"

#include "run-program.h"

gboolean vk_cmd_mount(VkProgram *program, int argc, char **argv, GError **error)
{
	return vk_run_program(program, "fs", "virtkeep-mount", argc, argv, error);
}

gboolean vk_cmd_restore(VkProgram *program, int argc, char **argv, GError **error)
{
	return vk_run_program(program, "restore", "virtkeep-restore", argc, argv, error);
}

gboolean vk_cmd_files(VkProgram *program, int argc, char **argv, GError **error)
{
	return vk_run_program(program, "engine/files", "virtkeep-files", argc, argv, error);
}
