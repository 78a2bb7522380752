/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hooks.h"

#include "child.h"
#include "errors.h"
#include "log.h"
#include "safe-path.h"
#include "text.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The names that run-parts(8) accepts, and a suffix like ".sh". */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

static const char *const phase_words[] = {
	[VK_HOOK_PRE_FREEZE] = "pre-freeze",   [VK_HOOK_POST_THAW] = "post-thaw",
	[VK_HOOK_POST_COMMIT] = "post-commit", [VK_HOOK_FAILURE] = "failure",
	[VK_HOOK_RUN_START] = "run-start",     [VK_HOOK_RUN_FAILURE] = "run-failure",
	[VK_HOOK_RUN_END] = "run-end",
};

/*
 * When the commands of Snap Creator's names run, and in which order. None runs while a guest is
 * held, so those from before and after the quiesce share a phase.
 */
static const struct {
	VkHookPhase phase;
	const char *keys;
} commands[] = {
	{VK_HOOK_PRE_FREEZE, "PRE_APP_QUIESCE_CMDnn"},
	{VK_HOOK_PRE_FREEZE, "POST_APP_QUIESCE_CMDnn"},
	{VK_HOOK_PRE_FREEZE, "PRE_NTAP_CMDnn"},
	{VK_HOOK_POST_THAW, "PRE_APP_UNQUIESCE_CMDnn"},
	{VK_HOOK_POST_THAW, "POST_APP_UNQUIESCE_CMDnn"},
	{VK_HOOK_POST_COMMIT, "POST_NTAP_DATA_TRANSFER_CMDnn"},
	{VK_HOOK_POST_COMMIT, "POST_NTAP_CMDnn"},
	{VK_HOOK_FAILURE, "PRE_EXIT_CMDnn"},
	{VK_HOOK_RUN_FAILURE,
	 "PRE_EXIT_CMDnn"}, /* unless those of all guests that failed were run */
};

/* Leftovers of editors and packages are not hooks. */
static gboolean is_hook_name(const char *name)
{
	return *name != '.' && strspn(name, NAME_CHARACTERS) == strlen(name) &&
	       !strstr(name, ".dpkg-") && !g_str_has_suffix(name, ".bak");
}

static gint compare_names(gconstpointer left, gconstpointer right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The paths of the executables, in order. Returns char*, owned by the array. */
static GPtrArray *find_hooks(const char *directory, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(GDir) dir = g_dir_open(directory, 0, &trouble);
	const char *name;

	if (!dir && !g_error_matches(trouble, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		vk_fail(error, VK_ERROR_FAILED, "cannot read the hooks: %s", trouble->message);
		return NULL;
	}
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		if (is_hook_name(name) && g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
		    g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			g_ptr_array_add(paths, g_steal_pointer(&path));
	}
	g_ptr_array_sort(paths, compare_names);
	return g_steal_pointer(&paths);
}

/* Root runs nothing that others could have put there. */
static gboolean is_safe(const char *path, GError **error)
{
	if (geteuid() != 0 || vk_safe_check(path, error))
		return TRUE;
	g_prefix_error(error, "no hook is run from '%s' as root: ", path);
	return FALSE;
}

static void set(GStrvBuilder *builder, const char *name, const char *value)
{
	g_autofree char *text = g_strdup_printf("VIRTKEEP_%s=%s", name, value ? value : "");

	g_strv_builder_add(builder, text);
}

static void set_number(GStrvBuilder *builder, const char *name, gint64 value)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

	set(builder, name, text);
}

/* The facts about a run, for hooks. */
static void set_run(GStrvBuilder *builder, VkHookPhase phase, const VkHookFacts *facts)
{
	set(builder, "HOST", g_get_host_name());
	if (phase == VK_HOOK_RUN_START)
		return;
	set_number(builder, "STATUS", facts->status);
	set_number(builder, "SECONDS", facts->seconds);
	set_number(builder, "SAVED", facts->saved);
	set(builder, "FAILED", facts->failed);
}

static gboolean is_of_run(VkHookPhase phase)
{
	return phase >= VK_HOOK_RUN_START;
}

static char **make_environment(VkHookPhase phase, const VkHookFacts *facts)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *error = facts->error ? vk_printable(facts->error) : NULL;

	g_strv_builder_add(builder,
			   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	g_strv_builder_add(builder, "LANG=C.UTF-8");
	set(builder, "PHASE", phase_words[phase]);
	set(builder, "GUEST", facts->guest);
	set(builder, "UUID", facts->uuid);
	set(builder, "VAULT", facts->vault);
	set(builder, "GROUP", facts->group);
	set(builder, "SNAPSHOT", facts->snapshot);
	set(builder, "CONSISTENCY", facts->consistency);
	set_number(builder, "PAUSE_MS", (gint64)(facts->pause_usec / 1000));
	set(builder, "ERROR", error);
	if (is_of_run(phase))
		set_run(builder, phase, facts);
	return g_strv_builder_end(builder);
}

/* One phase of one guest, or of the run. */
typedef struct {
	const VkSettings *settings;
	VkHookPhase phase;
	guint timeout_sec;
	char **environment;
} Run;

/* NAME is for people: the program's, or the command's. */
static gboolean run_hook(const Run *run, const char *name, const char *const *argv, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)run->timeout_sec * G_TIME_SPAN_SECOND;
	g_autoptr(VkChild) child =
		vk_child_start(argv, (const char *const *)run->environment, SIGTERM, error);

	if (!child)
		return FALSE;
	vk_log_debug("the hook '%s' runs '%s'", name, phase_words[run->phase]);
	if (!vk_child_wait(child, deadline))
		return vk_fail(error, VK_ERROR_FAILED, "the hook '%s' did not end '%s' within %u s",
			       name, phase_words[run->phase], run->timeout_sec);
	if (vk_child_check(child, error))
		return TRUE;
	g_prefix_error(error, "the hook '%s' failed at '%s': ", name, phase_words[run->phase]);
	return FALSE;
}

static gboolean run_command(const Run *run, const char *key, GError **error)
{
	const char *command = vk_settings_get(run->settings, "hooks", key);
	const char *argv[] = {"/bin/sh", "-c", command, key, phase_words[run->phase], NULL};

	return is_safe(vk_settings_path(run->settings), error) && run_hook(run, key, argv, error);
}

static gboolean run_commands(const Run *run, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_auto(GStrv) keys = NULL;

		if (commands[i].phase != run->phase)
			continue;
		keys = vk_settings_get_numbered(run->settings, "hooks", commands[i].keys);
		for (char **key = keys; *key; key++)
			if (!run_command(run, *key, error))
				return FALSE;
	}
	return TRUE;
}

static gboolean run_programs(const Run *run, GError **error)
{
	const char *directory = vk_settings_get(run->settings, "backup", "hooks_dir");
	g_autoptr(GPtrArray) paths = find_hooks(directory, error);

	if (!paths)
		return FALSE;
	for (guint i = 0; i < paths->len; i++) {
		const char *path = g_ptr_array_index(paths, i);
		const char *argv[] = {path, phase_words[run->phase], NULL};

		if (!is_safe(path, error) || !run_hook(run, path, argv, error))
			return FALSE;
	}
	return TRUE;
}

gboolean vk_hooks_run(const VkSettings *settings, VkHookPhase phase, const VkHookFacts *facts,
		      GError **error)
{
	g_auto(GStrv) environment = make_environment(phase, facts);
	const Run run = {
		.settings = settings,
		.phase = phase,
		.timeout_sec = (guint)vk_settings_get_uint(settings, "backup", "hook_timeout"),
		.environment = environment,
	};

	return ((phase == VK_HOOK_RUN_FAILURE && facts->hooks_ran) || run_commands(&run, error)) &&
	       run_programs(&run, error);
}

gboolean vk_hooks_check(const VkSettings *settings, GError **error)
{
	const char *directory = vk_settings_get(settings, "backup", "hooks_dir");
	g_autoptr(GPtrArray) paths = find_hooks(directory, error);

	if (!paths)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_auto(GStrv) keys = vk_settings_get_numbered(settings, "hooks", commands[i].keys);

		if (keys[0] && !is_safe(vk_settings_path(settings), error))
			return FALSE;
	}
	for (guint i = 0; i < paths->len; i++)
		if (!is_safe(g_ptr_array_index(paths, i), error))
			return FALSE;
	return TRUE;
}
