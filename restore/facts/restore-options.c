/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore-options.h"

#include "errors.h"

#include <string.h>

gboolean vk_restore_options_has_parts(const VkRestoreOptions *options)
{
	return options->disks || options->files;
}

void vk_restore_part_split(const char *part, char **ret_name, char **ret_value)
{
	const char *equals = strchr(part, '=');

	*ret_name = equals ? g_strndup(part, (gsize)(equals - part)) : g_strdup(part);
	*ret_value = equals ? g_strdup(equals + 1) : NULL;
}

/* How many of PARTS have VALUE as their value; any value for NULL. */
static guint count_values(char *const *parts, const char *value)
{
	guint count = 0;

	for (; parts && *parts; parts++) {
		g_autofree char *part_name = NULL;
		g_autofree char *part_value = NULL;

		vk_restore_part_split(*parts, &part_name, &part_value);
		if (part_value && (!value || strcmp(part_value, value) == 0))
			count++;
	}
	return count;
}

gboolean vk_restore_options_has_stdout(const VkRestoreOptions *options)
{
	return count_values(options->files, "-") > 0;
}

static gboolean check_values(const VkRestoreOptions *options, GError **error)
{
	static const char *const formats[] = {"raw", "qcow2", NULL};

	if (options->format && !g_strv_contains(formats, options->format))
		return vk_fail(error, VK_ERROR_USAGE, "--format must be raw or qcow2, not '%s'",
			       options->format);
	if (options->as_name && (!*options->as_name || strpbrk(options->as_name, "/\n")))
		return vk_fail(error, VK_ERROR_USAGE,
			       "'%s' cannot be a guest's name: it must not be empty nor have a '/'",
			       options->as_name);
	if (options->keep_old && !options->in_place && !options->force)
		return vk_fail(error, VK_ERROR_USAGE, "--keep-old needs --in-place or --force");
	if (options->directory && !*options->directory)
		return vk_fail(error, VK_ERROR_USAGE, "--to needs a directory");
	if (count_values(options->disks, "") || count_values(options->files, ""))
		return vk_fail(error, VK_ERROR_USAGE, "a path is missing after '='");
	return TRUE;
}

static gboolean check_in_place(const VkRestoreOptions *options, GError **error)
{
	if (!options->in_place)
		return TRUE;
	if (options->as_name)
		return vk_fail(error, VK_ERROR_USAGE, "--in-place and --as exclude each other");
	if (options->directory)
		return vk_fail(error, VK_ERROR_USAGE, "--in-place and --to exclude each other");
	if (options->files)
		return vk_fail(error, VK_ERROR_USAGE, "--in-place and --file exclude each other");
	if (count_values(options->disks, NULL))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--in-place puts a disk back where it was: name it without a path");
	return TRUE;
}

static gboolean check_parts(const VkRestoreOptions *options, GError **error)
{
	gboolean several = options->snapshots && g_strv_length(options->snapshots) > 1;

	if (options->as_name && vk_restore_options_has_parts(options))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--as makes a whole guest: it excludes --disk and --file");
	if (options->as_name && several)
		return vk_fail(error, VK_ERROR_USAGE, "--as takes one snapshot");
	if (options->start && !options->in_place && vk_restore_options_has_parts(options))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--start needs a whole guest: it excludes --disk and --file");
	if (several && (count_values(options->disks, NULL) || count_values(options->files, NULL)))
		return vk_fail(error, VK_ERROR_USAGE,
			       "a path takes one snapshot: use --to DIR for several");
	if (options->format && options->files && !options->disks)
		return vk_fail(error, VK_ERROR_USAGE, "--format is for disks: use --disk");
	return TRUE;
}

static gboolean check_networks(const VkRestoreOptions *options, GError **error)
{
	if ((options->networks || options->no_network) && vk_restore_options_has_parts(options))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--network and --no-network need a whole guest: they exclude --disk "
			       "and --file");
	if (options->networks && options->no_network)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--network and --no-network exclude each other");
	for (char **word = options->networks; word && *word; word++) {
		const char *equals = strchr(*word, '=');

		if (!equals || equals == *word || !equals[1] || g_str_has_suffix(*word, ":"))
			return vk_fail(
				error, VK_ERROR_USAGE,
				"--network takes OLD=NEW, as in br0=br1 or br0=network:default, "
				"not '%s'",
				*word);
	}
	return TRUE;
}

static gboolean check_stdout(const VkRestoreOptions *options, gboolean json, GError **error)
{
	if (count_values(options->disks, "-"))
		return vk_fail(error, VK_ERROR_USAGE,
			       "a disk goes to stdout as a file: use --file TARGET.raw=-");
	if (count_values(options->files, "-") > 1)
		return vk_fail(error, VK_ERROR_USAGE, "only one file can go to stdout");
	if (json && vk_restore_options_has_stdout(options))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--json and a file to stdout exclude each other");
	return TRUE;
}

gboolean vk_restore_options_check(VkRestoreOptions *options, gboolean json, GError **error)
{
	char *directory;

	if (!options->snapshots || !*options->snapshots)
		return vk_fail(error, VK_ERROR_USAGE,
			       "no snapshot named: say which, like 'web1@latest'");
	if (!check_values(options, error) || !check_in_place(options, error) ||
	    !check_parts(options, error) || !check_networks(options, error) ||
	    !check_stdout(options, json, error))
		return FALSE;
	if (options->directory) {
		directory = g_canonicalize_filename(options->directory, NULL);
		g_free(options->directory);
		options->directory = directory;
	}
	return TRUE;
}

void vk_restore_options_clear(VkRestoreOptions *options)
{
	g_clear_pointer(&options->snapshots, g_strfreev);
	g_clear_pointer(&options->disks, g_strfreev);
	g_clear_pointer(&options->files, g_strfreev);
	g_clear_pointer(&options->directory, g_free);
	g_clear_pointer(&options->as_name, g_free);
	g_clear_pointer(&options->format, g_free);
	g_clear_pointer(&options->networks, g_strfreev);
}
