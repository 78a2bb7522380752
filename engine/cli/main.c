/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep: parses the options before the command, then runs the command.
 */
#include "cmd.h"
#include "complete.h"
#include "errors.h"
#include "finish.h"
#include "guard-process.h"
#include "guard.h"
#include "program.h"
#include "step-error.h"
#include "suggest.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct {
	const char *name;
	VkCmdFunc function;
	const char *help;
} Command;

static const Command commands[] = {
	{"init", vk_cmd_init, "make a new vault"},
	{"key", vk_cmd_key, "manage the keys of an encrypted vault"},
	{"discover", vk_cmd_discover, "list the guests of the host and what of them is saved"},
	{"tag", vk_cmd_tag, "give guests tags, by which jobs choose them"},
	{"backup", vk_cmd_backup, "take snapshots of guests"},
	{"job", vk_cmd_job, "run and show the jobs of the configuration"},
	{"list", vk_cmd_list, "list the snapshots of the vault"},
	{"show", vk_cmd_show, "show all about one snapshot"},
	{"mount", vk_cmd_mount, "show all snapshots as directories"},
	{"files", vk_cmd_files, "list, search, compare and copy the files inside snapshots"},
	{"restore", vk_cmd_restore, "bring back guests, disks or files"},
	{"replicate", vk_cmd_replicate, "send snapshots into another vault"},
	{"verify", vk_cmd_verify, "check that the vault is whole"},
	{"repair", vk_cmd_repair, "bring back damaged blocks from where their content still is"},
	{"rebuild", vk_cmd_rebuild, "make anew what the vault has besides packs and snapshots"},
	{"forget", vk_cmd_forget, "hide snapshots, by name or by what the policy keeps"},
	{"unforget", vk_cmd_unforget, "list forgotten snapshots again"},
	{"gc", vk_cmd_gc, "remove forgotten snapshots, and free their space"},
	{"space", vk_cmd_space, "show what the snapshots of each guest take"},
	{"pin", vk_cmd_pin, "protect snapshots from being forgotten"},
	{"unpin", vk_cmd_unpin, "end that protection"},
	{"copy", vk_cmd_copy, "read snapshots on arrays into the vault"},
	{"log", vk_cmd_log, "show what was done on this host"},
	{"why", vk_cmd_why, "explain why a snapshot is large, slow or full"},
	{"report", vk_cmd_report, "report on all guests and the vault, also by mail"},
	{"check", vk_cmd_check, "say it in one line, for a monitoring system"},
	{"status", vk_cmd_status, "show how well guests are saved, and how the vault is"},
	{"metrics", vk_cmd_metrics,
	 "print for Prometheus how guests are saved and how the vault is"},
	{"notify", vk_cmd_notify, "test who is notified, or send what waits"},
	{"doctor", vk_cmd_doctor, "find and fix what earlier backups left behind"},
	{"config", vk_cmd_config, "check the configuration, or make one from Snap Creator's"},
};

static const Command *find_command(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static gboolean fail_unknown(const char *name, GError **error)
{
	VkSuggest *suggest = vk_suggest_new(name);
	g_autofree char *meant = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		vk_suggest_offer(suggest, commands[i].name);
	meant = vk_suggest_end(suggest);
	return vk_fail(error, VK_ERROR_USAGE, "unknown command '%s'%s", name,
		       *meant ? meant : ": try 'virtkeep --help'");
}

static GOptionContext *new_context(VkProgram *program)
{
	GOptionContext *context = g_option_context_new("COMMAND");
	g_autoptr(GString) text = g_string_new("Commands:\n");

	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		g_string_append_printf(text, "  %-12s %s\n", commands[i].name, commands[i].help);
	g_string_append(text, "\n'virtkeep COMMAND --help' prints the options of a command.");
	g_option_context_set_summary(context,
				     "Backup of KVM guests: takes consistent snapshots into a "
				     "deduplicating vault, and restores from them.");
	g_option_context_set_description(context, text->str);
	g_option_context_set_strict_posix(context, TRUE);
	vk_program_add_options(program, context);
	return context;
}

/* "virtkeep help" and "virtkeep help COMMAND". */
static gboolean run_help(VkProgram *program, GOptionContext *context, const char *name,
			 GError **error)
{
	const Command *command = name ? find_command(name) : NULL;
	char option[] = "--help";
	g_autofree char *self = g_strdup(name);
	char *argv[] = {self, option, NULL};
	g_autofree char *text = NULL;

	if (command)
		return command->function(program, 2, argv, error);
	if (name)
		return fail_unknown(name, error);
	text = g_option_context_get_help(context, TRUE, NULL);
	fputs(text, stdout);
	return TRUE;
}

static gboolean run(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = new_context(program);
	const Command *command;

	if (!vk_program_parse(program, context, &argc, &argv, error))
		return FALSE;
	if (program->version)
		return vk_program_start(program, error);
	if (argc > 1 && strcmp(argv[1], "--") == 0)
		argc--, argv++;
	if (argc < 2)
		return vk_fail(error, VK_ERROR_USAGE, "no command named: try 'virtkeep --help'");
	if (strcmp(argv[1], "help") == 0)
		return run_help(program, context, argv[2], error);

	command = find_command(argv[1]);
	if (!command)
		return fail_unknown(argv[1], error);
	return command->function(program, argc - 1, argv + 1, error);
}

static gboolean complete_command(const VkCompletion *completion, const char *kind, gpointer data)
{
	if (strcmp(kind, "COMMAND") != 0)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		vk_completion_offer(completion, commands[i].name, commands[i].help);
	vk_completion_offer(completion, "help", "print the options of a command");
	return TRUE;
}

/* A command answers in the place of its parse. */
static int complete(char **words)
{
	VkProgram program = {.completion = vk_completion_new(words)};
	g_autoptr(GOptionContext) context = new_context(&program);
	const Command *command = NULL;
	const char *name;

	if (!program.completion)
		return VK_ERROR_USAGE;
	g_strfreev(vk_completion_parse(program.completion, context));
	name = vk_completion_enter_command(program.completion);
	if (name)
		command = find_command(name);
	if (command) {
		g_auto(GStrv) argv = g_strdupv(vk_completion_words(program.completion));

		command->function(&program, (int)g_strv_length(argv), argv, NULL);
	} else {
		vk_completion_answer(program.completion, "virtkeep COMMAND", complete_command,
				     NULL);
	}
	vk_program_clear(&program);
	return 0;
}

int main(int argc, char **argv)
{
	VkProgram program = {0};
	g_autoptr(GError) error = NULL;
	int status;

	if (argc > 1 && strcmp(argv[1], VK_GUARD_COMMAND) == 0)
		return vk_guard_main(argc - 1, argv + 1);

	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0)
		return complete(argv + 2);
	vk_step_error_prepare();
	/* Only how text is encoded: messages stay in one language, so that scripts can match. */
	setlocale(LC_CTYPE, "");
	g_set_prgname("virtkeep");
	vk_finish_prepare();
	if (run(&program, argc, argv, &error))
		vk_program_flush(&error);
	else
		fflush(stdout); /* what there is comes before the error */
	status = error ? vk_program_end(error) : vk_program_end_told(program.status);
	vk_finish(program.settings, status);
	vk_program_clear(&program);
	return status;
}
