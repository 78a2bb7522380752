/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run-program.h"

#include "complete.h"
#include "errors.h"
#include "file-limit.h"

#include <errno.h>
#include <unistd.h>

static void add_option(GPtrArray *arguments, const char *name, const char *value)
{
	if (value)
		g_ptr_array_add(arguments, g_strdup_printf("--%s=%s", name, value));
}

static void add_flag(GPtrArray *arguments, const char *name, gboolean given)
{
	if (given)
		g_ptr_array_add(arguments, g_strdup(name));
}

void vk_program_add_given(const VkProgram *program, GPtrArray *arguments)
{
	add_option(arguments, "config", program->config_path);
	add_option(arguments, "vault", program->vault_url);
	add_option(arguments, "connect", program->libvirt_uri);
	add_flag(arguments, "--json", program->json);
	add_flag(arguments, "--json=lines", program->json_lines);
	add_flag(arguments, "-v", program->verbose);
	add_flag(arguments, "-q", program->quiet);
}

/* The cursor has moved by the options that were put in before its word. */
static void add_completion(GPtrArray *arguments, const char *name, guint index)
{
	g_ptr_array_insert(arguments, 1, g_strdup(VK_COMPLETE_OPTION));
	g_ptr_array_insert(arguments, 2, g_strdup_printf("%u", index + arguments->len - 2));
	g_ptr_array_insert(arguments, 3, g_strdup(name));
}

/* NAME, the common options that came before the command, and what came behind it. */
static GPtrArray *new_arguments(const VkProgram *program, const char *name, int argc, char **argv)
{
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(arguments, g_strdup(name));
	vk_program_add_given(program, arguments);
	if (program->completion)
		add_completion(arguments, name, vk_completion_index(program->completion));
	for (int i = 1; i < argc; i++)
		g_ptr_array_add(arguments, g_strdup(argv[i]));
	g_ptr_array_add(arguments, NULL);
	return arguments;
}

char *vk_program_find(const char *folder, const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *beside = NULL;
	g_autofree char *built = NULL;
	g_autofree char *helper = g_build_filename(VK_HELPERS, name, NULL);

	if (!directory)
		return g_strdup(name);
	beside = g_build_filename(directory, name, NULL);
	if (access(beside, X_OK) == 0)
		return g_steal_pointer(&beside);
	built = g_build_filename(directory, "..", folder, name, NULL);
	if (access(built, X_OK) == 0)
		return g_steal_pointer(&built);
	return access(helper, X_OK) == 0 ? g_steal_pointer(&helper) : g_strdup(name);
}

gboolean vk_run_program(const VkProgram *program, const char *folder, const char *name, int argc,
			char **argv, GError **error)
{
	g_autoptr(GPtrArray) arguments = new_arguments(program, name, argc, argv);
	g_autofree char *path = vk_program_find(folder, name);

	vk_file_limit_lower(NULL);
	execvp(path, (char **)arguments->pdata);
	if (errno == ENOENT)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot find the program '%s': install it beside virtkeep", name);
	return vk_fail_errno(error, errno, "cannot run '%s'", path);
}
