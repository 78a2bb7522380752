/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-files: shows and copies the files inside the disks of a snapshot. Parses the options
 * before the command, then runs the command.
 */
#include "commands.h"

#include "complete.h"
#include "errors.h"
#include "finish.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct Command {
	const char *name;
	VkFilesCommand function;
	const char *help;
} Command;

static const Command commands[] = {
	{"volumes", vk_files_volumes, "list what can be read"},
	{"ls", vk_files_ls, "list a directory"},
	{"cat", vk_files_cat, "print a file"},
	{"find", vk_files_find, "search names, sizes and times"},
	{"versions", vk_files_versions, "list in which snapshots a file differs"},
	{"diff", vk_files_diff, "list what differs between two snapshots"},
	{"tar", vk_files_tar, "write a tar archive of files and directories"},
	{"copy", vk_files_copy, "copy files and directories to this host"},
	{"mount", vk_files_mount, "show files as a directory"},
};

static const Command *find_command(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static GOptionContext *new_context(VkProgram *program)
{
	GOptionContext *context = g_option_context_new("COMMAND");
	g_autoptr(GString) text = g_string_new("Commands:\n");

	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		g_string_append_printf(text, "  %-12s %s\n", commands[i].name, commands[i].help);
	g_string_append(text, "\n'virtkeep files COMMAND --help' prints the options of a command.");
	g_option_context_set_summary(context, "Lists, searches, compares, prints and copies the "
					      "files inside the disks of a snapshot.");
	g_option_context_set_description(context, text->str);
	g_option_context_set_strict_posix(context, TRUE);
	vk_program_add_options(program, context);
	return context;
}

static gboolean run_command(VkFilesRun *run, int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = new_context(&run->program);
	const Command *command;

	if (!vk_program_parse(&run->program, context, &argc, &argv, error))
		return FALSE;
	if (run->program.version)
		return vk_program_start(&run->program, error);
	if (argc > 1 && strcmp(argv[1], "--") == 0)
		argc--, argv++;
	if (argc < 2)
		return vk_fail(error, VK_ERROR_USAGE, "name a command: try --help");
	command = find_command(argv[1]);
	if (!command)
		return vk_fail(error, VK_ERROR_USAGE, "there is no command '%s': try --help",
			       argv[1]);
	return command->function(run, argc - 1, argv + 1, error);
}

static gboolean complete_command(const VkCompletion *completion, const char *kind, gpointer data)
{
	if (strcmp(kind, "COMMAND") != 0)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		vk_completion_offer(completion, commands[i].name, commands[i].help);
	return TRUE;
}

/* For a shell: what may stand at the cursor. A command answers in the place of its parse. */
static int complete(VkFilesRun *run, char **words)
{
	VkCompletion *completion = run->program.completion = vk_completion_new(words);
	g_autoptr(GOptionContext) context = new_context(&run->program);
	const Command *command = NULL;
	const char *name;

	if (!completion)
		return VK_ERROR_USAGE;
	g_strfreev(vk_completion_parse(completion, context));
	name = vk_completion_enter_command(completion);
	if (name)
		command = find_command(name);
	if (command) {
		g_auto(GStrv) argv = g_strdupv(vk_completion_words(completion));

		command->function(run, (int)g_strv_length(argv), argv, NULL);
	} else {
		vk_completion_answer(completion, "virtkeep-files COMMAND", complete_command, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	VkFilesRun run = {0};
	g_autoptr(GError) error = NULL;
	int status;

	/* Only how text is encoded, as in the other programs. */
	setlocale(LC_CTYPE, "");
	g_set_prgname("virtkeep-files");
	vk_finish_prepare();
	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0) {
		status = complete(&run, argv + 2);
	} else {
		if (run_command(&run, argc, argv, &error))
			vk_program_flush(&error);
		else
			fflush(stdout); /* what there is comes before the error */
		status = vk_program_end(error);
		vk_finish(run.program.settings, status);
	}
	vk_files_run_clear(&run);
	return status;
}
