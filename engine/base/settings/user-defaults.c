/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "user-defaults.h"

#include "settings.h"

#include <string.h>
#include <unistd.h>

static char *data_path(const char *name)
{
	return g_build_filename(g_get_user_data_dir(), "virtkeep", name, NULL);
}

static char *config_path(const char *name)
{
	return g_build_filename(g_get_user_config_dir(), "virtkeep", name, NULL);
}

/* If XDG_RUNTIME_DIR is not set, GLib uses the user's cache directory. */
static char *runtime_path(const char *name)
{
	return g_build_filename(g_get_user_runtime_dir(), name, NULL);
}

static char *same(const char *value)
{
	return g_strdup(value);
}

static const struct {
	const char *group, *key;
	char *(*make)(const char *name);
	const char *name;
} defaults[] = {
	{"libvirt", "uri", same, "qemu:///session"},
	{"backup", "scratch_dir", data_path, "scratch"},
	{"history", "dir", data_path, "history"},
	{"jobs", "state_dir", data_path, "jobs"},
	{"notify", "spool_dir", data_path, "notify"},
	{"backup", "run_dir", runtime_path, "virtkeep"},
	{"backup", "hooks_dir", config_path, "hooks.d"},
};

static gpointer make_values(gpointer unused)
{
	char **values = g_new0(char *, G_N_ELEMENTS(defaults));

	for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++)
		values[i] = defaults[i].make(defaults[i].name);
	return values;
}

const char *vk_user_default(const char *group, const char *key)
{
	static GOnce once = G_ONCE_INIT;
	char **values;

	if (geteuid() == 0)
		return NULL;
	values = g_once(&once, make_values, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++)
		if (strcmp(defaults[i].group, group) == 0 && strcmp(defaults[i].key, key) == 0)
			return values[i];
	return NULL;
}

/* A user without a configuration of his own gets that of the system, if he may read it. */
static gpointer choose_config(gpointer unused)
{
	char *own = config_path("virtkeep.conf");

	if (geteuid() == 0 || (!g_file_test(own, G_FILE_TEST_EXISTS) &&
			       access(VK_SETTINGS_DEFAULT_PATH, R_OK) == 0)) {
		g_free(own);
		return g_strdup(VK_SETTINGS_DEFAULT_PATH);
	}
	return own;
}

const char *vk_user_config_path(void)
{
	static GOnce once = G_ONCE_INIT;

	return g_once(&once, choose_config, NULL);
}

char *vk_user_cache_directory(void)
{
	const char *given = g_getenv("CACHE_DIRECTORY");

	if (given && g_path_is_absolute(given))
		return g_strdup(given);
	return geteuid() == 0 ? g_strdup("/var/cache/virtkeep")
			      : g_build_filename(g_get_user_cache_dir(), "virtkeep", NULL);
}
