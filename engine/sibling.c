/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sibling.h"

#include "errors.h"

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

GPtrArray *vk_sibling_arguments(const VkProgram *program, const char *name)
{
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(arguments, g_strdup(name));
	add_option(arguments, "config", program->config_path);
	add_option(arguments, "vault", program->vault_url);
	add_option(arguments, "connect", program->libvirt_uri);
	add_flag(arguments, "--json", program->json);
	add_flag(arguments, "-v", program->verbose);
	add_flag(arguments, "-q", program->quiet);
	return arguments;
}

/* Where the sibling lies, or its bare name for a search of PATH. New string. */
static char *find_sibling(const char *folder, const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *beside = NULL;
	g_autofree char *built = NULL;

	if (!directory)
		return g_strdup(name);
	beside = g_build_filename(directory, name, NULL);
	if (access(beside, X_OK) == 0)
		return g_steal_pointer(&beside);
	built = g_build_filename(directory, "..", folder, name, NULL);
	if (access(built, X_OK) == 0)
		return g_steal_pointer(&built);
	return g_strdup(name);
}

gboolean vk_sibling_exec(const char *folder, GPtrArray *arguments, GError **error)
{
	const char *name = g_ptr_array_index(arguments, 0);
	g_autofree char *path = find_sibling(folder, name);

	g_ptr_array_add(arguments, NULL);
	execvp(path, (char **)arguments->pdata);
	if (errno == ENOENT)
		return vk_fail(error, VK_ERROR_FAILED,
			       "cannot find the program '%s': install it beside virtkeep", name);
	return vk_fail_errno(error, errno, "cannot run '%s'", path);
}
