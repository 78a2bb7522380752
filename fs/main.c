/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtkeep-mount: shows a vault's snapshots as files. */
#include "mount-options.h"
#include "mount-session.h"
#include "mountpoint.h"
#include "ops.h"
#include "passthrough.h"

#include "array-drivers.h"
#include "catalog.h"
#include "errors.h"
#include "log.h"
#include "open-vault.h"
#include "program.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

/* A new snapshot is to appear within a second. */
#define PERIOD_MSEC 500
/* Loaded snapshot objects that are not in use. */
#define VIEW_CACHE_LIMIT 64
/* Different warnings that readers can provoke. */
#define WARNINGS_MAX 1000

typedef struct Mount {
	VkProgram program;
	gboolean foreground;
	char **option_words;
	VkMountOptions options;
	char *mountpoint; /* resolved */
	VkMountSession *session;
	VkVault *vault;
	VkArrays *arrays;
	VkViewCache *views;
	VkOnceLog *log;
	VkWatch *watch;
	VkOps ops;
} Mount;

static GOptionContext *new_context(Mount *mount)
{
	const GOptionEntry entries[] = {
		{"options", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &mount->option_words,
		 "Mount options: uid=N, gid=N, umask=MODE, guests=PATTERN, cache=MIB, threads=N, "
		 "allow_other, allow_root, nonempty",
		 "OPTIONS"},
		{"foreground", 'f', 0, G_OPTION_ARG_NONE, &mount->foreground,
		 "Stay in the foreground", NULL},
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new("[VAULT] MOUNTPOINT");

	g_option_context_set_summary(context, "Shows the snapshots of a vault as files.");
	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(mount->program.completion, entries);
	vk_program_add_options(&mount->program, context);
	return context;
}

static gboolean parse(Mount *mount, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = new_context(mount);

	return g_option_context_parse(context, argc, argv, error);
}

/* For a shell: what may stand at the cursor. */
static int complete(Mount *mount, char **words)
{
	g_autoptr(GOptionContext) context = NULL;

	mount->program.completion = vk_completion_new(words);
	if (!mount->program.completion)
		return VK_ERROR_USAGE;
	context = new_context(mount);
	vk_completion_answer(mount->program.completion, "virtkeep-mount MOUNTPOINT", NULL, NULL);
	return 0;
}

static VkView *load_view(void *data, const VkSnapshotKey *key, GError **error)
{
	VkVault *vault = data;
	VkSnapshot *snapshot = vk_catalog_load(vault, key, error);

	return snapshot ? vk_view_new(vault, snapshot) : NULL;
}

static gboolean open_vault(Mount *mount, const char *url, GError **error)
{
	guint64 cache_mib = mount->options.cache_mib;
	VkCopyReader reader;

	if (cache_mib == 0)
		cache_mib = vk_settings_get_uint(mount->program.settings, "mount", "cache_mib");
	mount->vault = vk_open_vault_to_read(&mount->program, url, FALSE, error);
	if (!mount->vault)
		return FALSE;
	vk_vault_set_cache_size(mount->vault, (gsize)cache_mib << 20);
	mount->arrays = vk_arrays_new(mount->program.settings, vk_log_warning, error);
	if (!mount->arrays)
		return FALSE;
	reader = vk_arrays_reader(mount->arrays);
	vk_vault_set_copy_reader(mount->vault, &reader);
	mount->views = vk_view_cache_new(load_view, mount->vault, VIEW_CACHE_LIMIT);
	mount->log = vk_once_log_new(WARNINGS_MAX);
	mount->watch =
		vk_watch_new(mount->vault, mount->views, mount->log, mount->options.guests, error);
	return mount->watch != NULL;
}

static void stop_watch(gpointer data)
{
	VkOps *ops = data;

	vk_watch_stop(ops->watch);
}

static gboolean open_session(Mount *mount, const char *source, GError **error)
{
	guint threads = mount->options.threads;
	VkMountSetup setup;

	mount->ops = (VkOps){
		.vault = mount->vault,
		.watch = mount->watch,
		.log = mount->log,
		.uid = mount->options.uid,
		.gid = mount->options.gid,
		.umask = mount->options.umask,
		.workers = threads > 0 ? threads : MAX(8, 2 * g_get_num_processors()),
		.passthrough = vk_passthrough_new(),
	};
	setup = (VkMountSetup){
		.subtype = VK_MOUNT_SUBTYPE,
		.source = source,
		.mountpoint = mount->mountpoint,
		.options = &mount->options,
		.ops = &vk_fuse_ops,
		.data = &mount->ops,
		.workers = mount->ops.workers,
		.keep_admin = mount->ops.passthrough || vk_arrays_have_volumes(mount->arrays),
		.stop = stop_watch,
	};
	if (!vk_mount_session_mount(mount->session, &setup, error))
		return FALSE;
	mount->ops.session = vk_mount_session_fuse(mount->session);
	return TRUE;
}

/* Serves until the mount is gone. */
static gboolean serve(Mount *mount, GError **error)
{
	VkWatchCalls calls = vk_ops_watch_calls(&mount->ops);
	gboolean ok;

	vk_watch_start(mount->watch, &calls, PERIOD_MSEC);
	ok = vk_mount_session_serve(mount->session, error);
	vk_watch_stop(mount->watch);
	return ok;
}

/* The list of mounts shows what was asked for, so that `mount -a` knows its line of fstab again. */
static const char *shown_source(const Mount *mount, const char *url)
{
	if (g_path_is_absolute(url) || g_str_has_prefix(url, "dir:/"))
		return url;
	return vk_vault_url(mount->vault);
}

static gboolean run(Mount *mount, int argc, char **argv, GError **error)
{
	const char *url;

	if (!parse(mount, &argc, &argv, error) || !vk_program_start(&mount->program, error))
		return FALSE;
	if (argc != 2 && argc != 3)
		return vk_fail(
			error, VK_ERROR_USAGE,
			"name a vault and a mountpoint: virtkeep-mount [-o OPTIONS] [-f] VAULT "
			"MOUNTPOINT");
	url = argc == 3 ? argv[1] : vk_program_vault_url(&mount->program, error);
	if (!url)
		return FALSE;
	mount->options = (VkMountOptions){.uid = getuid(), .gid = getgid(), .umask = 0007};
	if (!vk_mount_options_parse((const char *const *)mount->option_words, &mount->options,
				    error))
		return FALSE;
	mount->session = vk_mount_session_new(mount->foreground, error);
	if (!mount->session || !open_vault(mount, url, error))
		return FALSE;
	mount->mountpoint = vk_mountpoint_prepare(argv[argc - 1], vk_vault_directory(mount->vault),
						  mount->options.nonempty, error);
	return mount->mountpoint && open_session(mount, shown_source(mount, url), error) &&
	       serve(mount, error);
}

static void clear(Mount *mount)
{
	vk_mount_session_free(mount->session);
	vk_passthrough_free(mount->ops.passthrough);
	vk_watch_free(mount->watch);
	vk_view_cache_free(mount->views);
	vk_once_log_free(mount->log);
	vk_vault_free(mount->vault);
	vk_arrays_free(mount->arrays);
	vk_mount_options_clear(&mount->options);
	vk_program_clear(&mount->program);
	g_strfreev(mount->option_words);
	g_free(mount->mountpoint);
}

int main(int argc, char **argv)
{
	Mount mount = {0};
	g_autoptr(GError) error = NULL;
	int status;

	/* Only how text is encoded, as in the other programs. */
	setlocale(LC_CTYPE, "");
	g_set_prgname("virtkeep-mount");
	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0)
		return complete(&mount, argv + 2);
	run(&mount, argc, argv, &error);
	status = vk_program_end(error);
	clear(&mount);
	return status;
}
