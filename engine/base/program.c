/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include "errors.h"
#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FILES_MAX 65536u

static volatile sig_atomic_t interrupted, seen_int, seen_term;
static gint shields;      /* atomic */
static GMutex keys_mutex; /* the keys are ignored exactly while there are shields */
static void (*stop_handler)(int), (*quit_handler)(int); /* without shields */
static rlim_t file_limit; /* as it was before we raised it; 0: we did not */

void vk_program_add_options(VkProgram *program, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{"config", 0, 0, G_OPTION_ARG_FILENAME, &program->config_path,
		 "Configuration file (default $VIRTKEEP_CONFIG, then " VK_SETTINGS_DEFAULT_PATH ")",
		 "FILE"},
		{"vault", 0, 0, G_OPTION_ARG_FILENAME, &program->vault_url,
		 "The vault: dir:/PATH or a path (default $VIRTKEEP_VAULT)", "URL"},
		{"connect", 'c', 0, G_OPTION_ARG_STRING, &program->libvirt_uri,
		 "The host's libvirt (default qemu:///system, qemu:///session for users other than "
		 "root)",
		 "URI"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &program->json, "Print one JSON document", NULL},
		{"verbose", 'v', 0, G_OPTION_ARG_NONE, &program->verbose, "Say more", NULL},
		{"quiet", 'q', 0, G_OPTION_ARG_NONE, &program->quiet, "Say errors only", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &program->version, "Print the version", NULL},
		G_OPTION_ENTRY_NULL,
	};

	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(program->completion, entries);
}

static gboolean is_seen(int number)
{
	return number == SIGINT ? seen_int : seen_term;
}

/*
 * A second SIGINT or SIGTERM ends the program at once, but not while a guest depends on it. A
 * second SIGHUP is no wish of anybody's: the shell and the kernel both send one.
 */
static void note_signal(int number)
{
	if (number != SIGHUP && is_seen(number) && g_atomic_int_get(&shields) == 0) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	if (number == SIGINT)
		seen_int = 1;
	else if (number == SIGTERM)
		seen_term = 1;
	interrupted = 1;
}

static void arm_interruption(void)
{
	struct sigaction action = {.sa_handler = note_signal};
	struct sigaction before;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Under nohup it stays ignored. */
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Keys that would stop or kill the program on the spot. A command may ignore them all the time. */
void vk_shield_begin(void)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys_mutex);

	if (g_atomic_int_add(&shields, 1) > 0)
		return;
	stop_handler = signal(SIGTSTP, SIG_IGN);
	quit_handler = signal(SIGQUIT, SIG_IGN);
}

void vk_shield_end(void)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&keys_mutex);

	if (!g_atomic_int_dec_and_test(&shields))
		return;
	signal(SIGTSTP, stop_handler);
	signal(SIGQUIT, quit_handler);
}

/* The clones of a group's disks are open all at once. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_MAX)
		return;
	file_limit = limit.rlim_cur;
	limit.rlim_cur = MIN(limit.rlim_max, FILES_MAX);
	setrlimit(RLIMIT_NOFILE, &limit);
}

void vk_program_lower_file_limit(gpointer unused)
{
	struct rlimit limit;

	if (file_limit && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = file_limit;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
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
	arm_interruption();
	raise_file_limit();
	if (program->unconfigured)
		return TRUE;
	program->settings = vk_settings_load(vk_program_config_path(program), error);
	if (program->settings)
		vk_log_debug("the configuration is '%s'", vk_settings_path(program->settings));
	return program->settings != NULL;
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
	return url;
}

const char *vk_program_libvirt_uri(const VkProgram *program)
{
	return program->libvirt_uri ? program->libvirt_uri
				    : vk_settings_get(program->settings, "libvirt", "uri");
}

int vk_program_end(const GError *error)
{
	if (error)
		vk_log_error("%s", error->message);
	return vk_exit_status(error);
}

gboolean vk_interrupted(void)
{
	return interrupted != 0;
}

gboolean vk_fail_interrupted(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "interrupted");
}

void vk_set_interrupted(gboolean value)
{
	interrupted = value;
}
