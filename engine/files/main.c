/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-files: shows and copies the files inside the disks of a snapshot.
 */
#include "commands.h"

#include "array-drivers.h"
#include "catalog.h"
#include "complete.h"
#include "errors.h"
#include "log.h"
#include "open-vault.h"

#include <locale.h>
#include <string.h>

typedef struct Command {
	const char *name;
	VkFilesCommand function;
	guint words_max;     /* it takes at least one */
	const char *wants;   /* what its words are */
	const char *options; /* those that it takes, by their letters */
	const char *help;
} Command;

static const Command commands[] = {
	{"volumes", vk_files_volumes, 1, "SNAPSHOT", "", "list what can be read"},
	{"ls", vk_files_ls, 1, "SNAPSHOT:PATH", "lRs", "list a directory"},
	{"cat", vk_files_cat, 1, "SNAPSHOT:PATH", "s", "print a file"},
	{"copy", vk_files_copy, G_MAXUINT, "SNAPSHOT:PATH... DIRECTORY", "saw",
	 "copy files and directories to this host"},
};

static GOptionContext *new_context(VkFilesRun *run)
{
	const GOptionEntry entries[] = {
		{"long", 'l', 0, G_OPTION_ARG_NONE, &run->long_format,
		 "ls: show modes, owners, sizes and times", NULL},
		{"recursive", 'R', 0, G_OPTION_ARG_NONE, &run->recursive,
		 "ls: list what is below as well", NULL},
		{"system", 0, 0, G_OPTION_ARG_STRING, &run->system,
		 "Of several installed systems the one whose root is on VOLUME", "VOLUME"},
		{"archive", 0, 0, G_OPTION_ARG_NONE, &run->archive,
		 "copy: keep owners, all of the modes, and more attributes", NULL},
		{"overwrite", 0, 0, G_OPTION_ARG_NONE, &run->overwrite,
		 "copy: replace files that exist", NULL},
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new("COMMAND SNAPSHOT[:[VOLUME:]PATH]");

	g_option_context_set_summary(
		context, "Lists, prints and copies the files inside the disks of a snapshot.\n\n"
			 "Commands:\n"
			 "  volumes SNAPSHOT     list what can be read\n"
			 "  ls SNAPSHOT:PATH     list a directory\n"
			 "  cat SNAPSHOT:PATH    print a file\n"
			 "  copy SNAPSHOT:PATH... DIRECTORY\n"
			 "                       copy files and directories to this host");
	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(run->program.completion, entries);
	vk_program_add_options(&run->program, context);
	return context;
}

static const Command *find_command(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static gboolean check_options(const VkFilesRun *run, const Command *command, GError **error)
{
	const char *wrong = NULL;

	if (run->long_format && !strchr(command->options, 'l'))
		wrong = "--long";
	if (run->recursive && !strchr(command->options, 'R'))
		wrong = "--recursive";
	if (run->system && !strchr(command->options, 's'))
		wrong = "--system";
	if (run->archive && !strchr(command->options, 'a'))
		wrong = "--archive";
	if (run->overwrite && !strchr(command->options, 'w'))
		wrong = "--overwrite";
	return !wrong ||
	       vk_fail(error, VK_ERROR_USAGE, "'%s' takes no %s: try --help", command->name, wrong);
}

static gboolean check_words(const Command *command, char **words, GError **error)
{
	guint count = g_strv_length(words);

	if (count == 0)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' wants %s: try --help", command->name,
			       command->wants);
	return count <= command->words_max ||
	       vk_fail(error, VK_ERROR_USAGE, "'%s' takes no '%s': try --help", command->name,
		       words[command->words_max]);
}

static const Command *parse(VkFilesRun *run, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = new_context(run);
	g_autoptr(GError) trouble = NULL;
	const Command *command;

	if (!g_option_context_parse(context, argc, argv, &trouble)) {
		vk_fail(error, VK_ERROR_USAGE, "%s; see --help", trouble->message);
		return NULL;
	}
	if (!vk_program_start(&run->program, error))
		return NULL;
	if (*argc < 2) {
		vk_fail(error, VK_ERROR_USAGE, "name a command: try --help");
		return NULL;
	}
	command = find_command((*argv)[1]);
	if (!command)
		vk_fail(error, VK_ERROR_USAGE, "there is no command '%s': try --help", (*argv)[1]);
	return command && check_options(run, command, error) &&
			       check_words(command, *argv + 2, error)
		       ? command
		       : NULL;
}

gboolean vk_files_open(VkFilesRun *run, const char *text, VkLocation *ret_location,
		       VkGuestFiles **ret_files, GError **error)
{
	if (!vk_location_parse(text, ret_location, error))
		return FALSE;
	*ret_files = vk_guest_files_open(run->vault, ret_location->snapshot, error);
	return *ret_files != NULL;
}

VkWalk vk_files_walk_of(const VkFilesRun *run, const VkLocation *location, guint flags)
{
	return (VkWalk){.volume = location->volume,
			.system = run->system,
			.path = location->path,
			.flags = flags};
}

static gboolean run_command(VkFilesRun *run, int argc, char **argv, GError **error)
{
	const Command *command = parse(run, &argc, &argv, error);
	g_autoptr(VkArrays) arrays = NULL;
	VkCopyReader reader;
	gboolean ok;

	run->vault = command ? vk_open_vault(&run->program, NULL, VK_VAULT_READ, error) : NULL;
	if (!run->vault)
		return FALSE;
	arrays = vk_arrays_new(run->program.settings, vk_log_warning, error);
	if (!arrays)
		return FALSE;
	reader = vk_arrays_reader(arrays);
	vk_vault_set_copy_reader(run->vault, &reader);
	ok = command->function(run, argv + 2, error);
	g_clear_pointer(&run->vault, vk_vault_free);
	return ok;
}

static gboolean complete_kind(const VkCompletion *completion, const char *kind, gpointer data)
{
	if (strcmp(kind, "VOLUME") == 0)
		return TRUE;
	if (strcmp(kind, "COMMAND") != 0)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		vk_completion_offer(completion, commands[i].name, commands[i].help);
	return TRUE;
}

/* For a shell: what may stand at the cursor. Files inside guests take too long to be looked up. */
static int complete(VkFilesRun *run, char **words)
{
	g_autoptr(GOptionContext) context = NULL;

	run->program.completion = vk_completion_new(words);
	if (!run->program.completion)
		return VK_ERROR_USAGE;
	context = new_context(run);
	vk_completion_answer(run->program.completion, "virtkeep-files COMMAND", complete_kind, run);
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
	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0)
		return complete(&run, argv + 2);
	run_command(&run, argc, argv, &error);
	status = vk_program_end(error);
	vk_vault_free(run.vault);
	vk_program_clear(&run.program);
	g_free(run.system);
	return status;
}
