/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount is a program of its own, run in this one's place: it serves files by FUSE, which stands
 * above this folder.
 */
#include "commands.h"

#include "run-program.h"

gboolean vk_files_mount(VkFilesRun *run, int argc, char **argv, GError **error)
{
	return vk_run_program(&run->program, "../fs/files", "virtkeep-files-mount", argc, argv,
			      error);
}
