/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "errors.h"
#include "import.h"
#include "io.h"
#include "log.h"
#include "new-file.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* No configuration of Snap Creator is larger. */
#define FILE_BYTES_MAX (1 << 20)

typedef struct {
	char **globals;
	char *output, *host;
} Arguments;

static void arguments_clear(Arguments *arguments)
{
	g_strfreev(arguments->globals);
	g_free(arguments->output);
	g_free(arguments->host);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arguments, arguments_clear)

static gboolean add_file(VkImport *import, const char *path, GError **error)
{
	g_autofree char *text = NULL;
	gsize length;

	return vk_io_read_whole(path, FILE_BYTES_MAX, &text, &length, error) &&
	       vk_import_add(import, path, text, length, error);
}

/* For root alone, because commands may have passwords in them. */
static gboolean write_output(const char *path, const char *text, GError **error)
{
	g_autoptr(VkNewFile) file = NULL;

	if (g_file_test(path, G_FILE_TEST_EXISTS))
		return vk_fail(error, VK_ERROR_EXISTS,
			       "'%s' already exists and was not changed: name a new file", path);
	file = vk_new_file_create(path, 0600, error);
	return file && vk_io_write(vk_new_file_fd(file), path, 0, text, strlen(text), error) &&
	       vk_new_file_commit(file, FALSE, error);
}

static void print_keys(const GPtrArray *keys)
{
	g_autoptr(VkTable) table = vk_table_new("KEY", "FOUND", "VERDICT", "AS", "WHY", NULL);

	for (guint i = 0; i < keys->len; i++) {
		const VkImportKey *key = g_ptr_array_index(keys, i);
		g_autofree char *name = g_path_get_basename(key->file);
		g_autofree char *place = g_strdup_printf("%s:%u", name, key->line);

		vk_table_add(table, key->key, place, vk_import_verdict_name(key->verdict),
			     key->as ? key->as : "-", key->why ? key->why : "-", NULL);
	}
	vk_table_print_to(table, stderr);
}

static gboolean run_import(const VkProgram *program, const char *path, const Arguments *arguments,
			   GError **error)
{
	g_autoptr(VkImport) import =
		vk_import_new(arguments->host ? arguments->host : g_get_host_name());
	g_autofree char *text = NULL;
	g_autofree char *keys = NULL;
	g_autoptr(json_t) report = NULL;
	guint open;

	if (!add_file(import, path, error))
		return FALSE;
	for (char **file = arguments->globals; file && *file; file++)
		if (!add_file(import, *file, error))
			return FALSE;
	text = vk_import_finish(import);
	if (arguments->output && !write_output(arguments->output, text, error))
		return FALSE;
	if (program->json) {
		report = vk_import_to_json(import, text);
		vk_json_print(report);
	} else if (!vk_log_is_quiet()) {
		print_keys(vk_import_keys(import));
	}
	if (!arguments->output && !program->json)
		fputs(text, stdout);
	open = vk_import_count_open(import);
	keys = vk_count_text(open, "key");
	return open == 0 ||
	       vk_fail(error, VK_ERROR_PARTIAL,
		       "the configuration is made, but not for %s of the old one, unsupported or "
		       "unknown: see the list above",
		       keys);
}

gboolean vk_cmd_config(VkProgram *program, int argc, char **argv, GError **error)
{
	g_auto(Arguments) arguments = {0};
	const GOptionEntry entries[] = {
		{"global", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments.globals,
		 "A global file; that of the profile comes before the super global one", "FILE"},
		{"output", 0, 0, G_OPTION_ARG_FILENAME, &arguments.output,
		 "Write to a new file instead of standard output", "FILE"},
		{"host", 0, 0, G_OPTION_ARG_STRING, &arguments.host,
		 "The host that the configuration is for (default: this one)", "NAME"},
		G_OPTION_ENTRY_NULL,
	};
	char **words = NULL;

	program->unconfigured = TRUE;
	if (!vk_cmd_parse(program, "config check | config import SNAPCREATOR.conf",
			  "'check' lists all errors of the configuration, and what it names "
			  "that is not there.\n'import' makes a configuration from one of Snap "
			  "Creator's KVM plug-in, and says for\neach key what becomes of it; the "
			  "options belong to import.",
			  entries, 2, argc, argv, &words, error))
		return FALSE;
	if (words[0] && strcmp(words[0], "check") == 0 && !words[1])
		return vk_cmd_config_check(program, error);
	if (!words[0] || strcmp(words[0], "import") != 0 || !words[1])
		return vk_fail(error, VK_ERROR_USAGE,
			       "say 'config check', or 'config import' and the configuration to "
			       "read: try 'virtkeep config --help'");
	if (arguments.host && !vk_import_is_hostname(arguments.host))
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is not the name of a host",
			       arguments.host);
	return run_import(program, words[1], &arguments, error);
}
