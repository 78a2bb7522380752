/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hooks.h"

#include "child.h"
#include "errors.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names that run-parts(8) takes, and a suffix such as ".sh". */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

static const char *const phase_words[] = {
	[VK_HOOK_PRE_FREEZE] = "pre-freeze",
	[VK_HOOK_POST_THAW] = "post-thaw",
	[VK_HOOK_POST_COMMIT] = "post-commit",
	[VK_HOOK_FAILURE] = "failure",
};

/* Leftovers of editors and packages are no hooks. */
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

static gboolean is_safe(const char *path, GError **error)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	if (geteuid() != 0 || (info.st_uid == 0 && !(info.st_mode & (S_IWGRP | S_IWOTH))))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED,
		       "others than root may write '%s', so no hook is run from there as root; run "
		       "'chown root' "
		       "and 'chmod go-w' on it",
		       path);
}

static void set(GStrvBuilder *builder, const char *name, const char *value)
{
	g_autofree char *text = g_strdup_printf("VIRTKEEP_%s=%s", name, value ? value : "");

	g_strv_builder_add(builder, text);
}

static char **make_environment(VkHookPhase phase, const VkHookFacts *facts)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *pause = g_strdup_printf("%" G_GUINT64_FORMAT, facts->pause_usec / 1000);

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
	set(builder, "PAUSE_MS", pause);
	set(builder, "ERROR", facts->error);
	return g_strv_builder_end(builder);
}

static gboolean run_hook(const char *path, guint timeout_sec, VkHookPhase phase,
			 const VkHookFacts *facts, GError **error)
{
	const char *argv[] = {path, phase_words[phase], NULL};
	g_auto(GStrv) environment = make_environment(phase, facts);
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_sec * G_TIME_SPAN_SECOND;
	g_autoptr(VkChild) child = NULL;

	if (!is_safe(path, error))
		return FALSE;
	child = vk_child_start(argv, (const char *const *)environment, error);
	if (!child)
		return FALSE;
	if (!vk_child_wait(child, deadline))
		return vk_fail(error, VK_ERROR_FAILED,
			       "the hook '%s' did not end '%s' within %u seconds", path,
			       phase_words[phase], timeout_sec);
	if (vk_child_check(child, error))
		return TRUE;
	g_prefix_error(error, "the hook '%s' failed at '%s': ", path, phase_words[phase]);
	return FALSE;
}

gboolean vk_hooks_run(const char *directory, guint timeout_sec, VkHookPhase phase,
		      const VkHookFacts *facts, GError **error)
{
	g_autoptr(GPtrArray) paths = find_hooks(directory, error);

	if (!paths)
		return FALSE;
	/* Whoever may write there could put a link to any program of root's. */
	if (paths->len > 0 && !is_safe(directory, error))
		return FALSE;
	for (guint i = 0; i < paths->len; i++)
		if (!run_hook(g_ptr_array_index(paths, i), timeout_sec, phase, facts, error))
			return FALSE;
	return TRUE;
}
