/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include "errors.h"
#include "file-limit.h"
#include "interrupt.h"
#include "log.h"
#include "step-error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vk_program_add_options(VkProgram *program, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{"config", 0, 0, G_OPTION_ARG_FILENAME, &program->config_path,
		 "Configuration file (default $VIRTKEEP_CONFIG, then " VK_SETTINGS_DEFAULT_PATH ")",
		 "FILE"},
		{"vault", 0, 0, G_OPTION_ARG_FILENAME, &program->vault_url,
		 "The vault: dir:/PATH, a path, s3:https://..., or the NAME of a section [vault "
		 "NAME] "
		 "(default $VIRTKEEP_VAULT)",
		 "URL"},
		{"connect", 'c', 0, G_OPTION_ARG_STRING, &program->libvirt_uri,
		 "The host's libvirt (default qemu:///system, qemu:///session for users other than "
		 "root)",
		 "URI"},
		/* The name of an option without a value may have a '='. GLib takes the first. */
		{"json=lines", 0, 0, G_OPTION_ARG_NONE, &program->json_lines,
		 "Print events while it works, a JSON object a line", NULL},
		{"json", 0, 0, G_OPTION_ARG_NONE, &program->json, "Print one JSON document", NULL},
		{"verbose", 'v', 0, G_OPTION_ARG_NONE, &program->verbose, "Say more", NULL},
		{"quiet", 'q', 0, G_OPTION_ARG_NONE, &program->quiet, "Say errors only", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &program->version, "Print the version", NULL},
		G_OPTION_ENTRY_NULL,
	};

	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(program->completion, entries);
}

/* The values of an earlier parse that others have replaced. */
static void free_replaced(const VkProgram *before, const VkProgram *after)
{
	if (before->config_path != after->config_path)
		g_free(before->config_path);
	if (before->vault_url != after->vault_url)
		g_free(before->vault_url);
	if (before->libvirt_uri != after->libvirt_uri)
		g_free(before->libvirt_uri);
}

/* GLib ignores the value of an option that takes none. */
static gboolean check_words(char **argv, GError **error)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (g_str_has_prefix(*argv, "--json=") && strcmp(*argv, "--json=lines") != 0)
			return vk_fail(error, VK_ERROR_USAGE,
				       "unknown option '%s': there are --json and --json=lines",
				       *argv);
	return TRUE;
}

gboolean vk_program_parse(VkProgram *program, GOptionContext *context, int *argc, char ***argv,
			  GError **error)
{
	const VkProgram before = *program;
	g_autoptr(GError) trouble = NULL;

	if (!check_words(*argv, error))
		return FALSE;
	if (!g_option_context_parse(context, argc, argv, &trouble))
		return vk_fail(error, VK_ERROR_USAGE, "%s: try '%s --help'", trouble->message,
			       g_get_prgname());
	free_replaced(&before, program);
	(*argv)[*argc] = NULL;
	return TRUE;
}

const char *vk_program_config_path(const VkProgram *program)
{
	const char *named = g_getenv("VIRTKEEP_CONFIG");

	if (program->config_path)
		return program->config_path;
	return named && *named ? named : NULL;
}

gboolean vk_program_start(VkProgram *program, GError **error)
{
	if (program->version) {
		printf("%s %s\n", g_get_prgname(), VK_VERSION);
		exit(0);
	}
	if (program->verbose && program->quiet)
		return vk_fail(error, VK_ERROR_USAGE, "-v and -q exclude each other");
	if (program->verbose)
		vk_log_set_level(VK_LOG_DEBUG);
	if (program->quiet)
		vk_log_set_level(VK_LOG_QUIET);
	if (program->json_lines && !program->command)
		return vk_fail(error, VK_ERROR_USAGE,
			       "--json=lines: this command has no events: use --json");
	program->json = program->json || program->json_lines;
	vk_interrupt_arm();
	vk_file_limit_raise();
	if (program->command)
		vk_event_start(program->command, program->json_lines);
	if (program->unconfigured)
		return TRUE;
	program->settings = vk_settings_load(vk_program_config_path(program), error);
	if (program->settings)
		vk_log_debug("the configuration is '%s'", vk_settings_path(program->settings));
	return program->settings != NULL;
}

gboolean vk_program_flush(GError **error)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED, "the result could not be written");
}

void vk_program_clear(VkProgram *program)
{
	g_clear_pointer(&program->config_path, g_free);
	g_clear_pointer(&program->vault_url, g_free);
	g_clear_pointer(&program->libvirt_uri, g_free);
	g_clear_pointer(&program->settings, vk_settings_free);
	g_clear_pointer(&program->completion, vk_completion_free);
}

const char *vk_program_vault_url(const VkProgram *program, GError **error)
{
	const char *url = program->vault_url;

	if (!url)
		url = g_getenv("VIRTKEEP_VAULT");
	if (!url || !*url)
		url = vk_settings_get(program->settings, "vault", "url");
	if (!url || !*url) {
		vk_fail(error, VK_ERROR_USAGE,
			"no vault named: use --vault URL, VIRTKEEP_VAULT, or [vault] url in '%s'",
			vk_settings_path(program->settings));
		return NULL;
	}
	return vk_program_find_vault(program, url, error);
}

const char *vk_program_find_vault(const VkProgram *program, const char *text, GError **error)
{
	g_auto(GStrv) names = vk_settings_get_names(program->settings, "vault");
	const char *url;

	if (!g_strv_contains((const char *const *)names, text))
		return text;
	url = vk_settings_get_named(program->settings, "vault", text, "url");
	if (!url)
		vk_fail(error, VK_ERROR_USAGE, "[vault %s] in '%s' has no url", text,
			vk_settings_path(program->settings));
	return url;
}

const char *vk_program_libvirt_uri(const VkProgram *program)
{
	return program->libvirt_uri ? program->libvirt_uri
				    : vk_settings_get(program->settings, "libvirt", "uri");
}

int vk_program_end(const GError *error)
{
	if (!error)
		return vk_program_end_told(0);
	vk_step_error_tell(error->message);
	vk_log_event(&(VkEvent){.kind = VK_EVENT_FAILED,
				.text = error->message,
				.code = vk_error_word(error),
				.status = vk_exit_status(error)});
	return vk_exit_status(error);
}

int vk_program_end_told(int status)
{
	VkEventKind kind = status ? VK_EVENT_FAILED : VK_EVENT_DONE;
	const char *text = status == VK_ERROR_PARTIAL ? "done in part" : status ? "failed" : "done";

	if (status)
		vk_step_error_tell(text);
	if (vk_event_has_started())
		vk_event_tell(&(VkEvent){.kind = kind, .text = text, .status = status});
	return status;
}
