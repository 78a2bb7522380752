/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtkeep-mount: shows a vault's snapshots as files. */
#include "daemon.h"
#include "mountpoint.h"
#include "ops.h"
#include "mount-options.h"
#include "passthrough.h"
#include "privileges.h"
#include "unmounter.h"

#include "array-drivers.h"
#include "catalog.h"
#include "errors.h"
#include "log.h"
#include "open-vault.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A new snapshot is to appear within a second. */
#define PERIOD_MSEC 500
/* How long users of open files have after the first signal to close them. */
#define DRAIN_SECONDS 10
/* Loaded snapshot objects that are not in use. */
#define VIEW_CACHE_LIMIT 64
/* Different warnings that readers can provoke. */
#define WARNINGS_MAX 1000
/* The kernel's own 128 KiB would cut every sequential read to pieces. */
#define READ_AHEAD_KIB 4096

typedef struct Mount {
	VkProgram program;
	gboolean foreground;
	char **option_words;
	VkMountOptions options;
	char *mountpoint; /* resolved */
	guint64 device;   /* of the mount */
	VkDaemon *daemon;
	VkUnmounter *unmounter;
	VkVault *vault;
	VkArrays *arrays;
	VkViewCache *views;
	VkOnceLog *log;
	VkWatch *watch;
	struct fuse_session *session;
	VkOps ops;
	sigset_t signals;
	gint ready;  /* atomic: the mount has answered */
	gint ending; /* atomic: the session loop is over */
} Mount;

/* libfuse's first complaint since it was last cleared; its log function takes no data. */
static char *complaint;

static void note_complaint(enum fuse_log_level level, const char *format, va_list args)
	G_GNUC_PRINTF(2, 0);

static void note_complaint(enum fuse_log_level level, const char *format, va_list args)
{
	g_autofree char *text = NULL;

	if (level > FUSE_LOG_WARNING)
		return;
	text = g_strchomp(g_strdup_vprintf(format, args));
	if (!complaint)
		complaint = g_steal_pointer(&text);
	else
		vk_log_debug("%s", text);
}

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
	mount->vault = vk_open_vault(&mount->program, url, VK_VAULT_READ, error);
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

/* By which the mount is known again when others lie over it. */
static gboolean find_device(Mount *mount, GError **error)
{
	g_autoptr(VkMountFound) found = NULL;

	if (!vk_mountpoint_find(NULL, mount->mountpoint, &found, error))
		return FALSE;
	if (found)
		mount->device = found->device;
	return TRUE;
}

static gboolean open_session(Mount *mount, const char *source, GError **error)
{
	g_autofree char *words = vk_mount_options_session(&mount->options, source);
	guint threads = mount->options.threads;
	char name[] = "virtkeep-mount";
	char flag[] = "-o";
	char *argv[] = {name, flag, words, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

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
	fuse_set_log_func(note_complaint);
	mount->session = fuse_session_new(&args, &vk_fuse_ops, sizeof(vk_fuse_ops), &mount->ops);
	fuse_opt_free_args(&args);
	mount->ops.session = mount->session;
	if (!mount->session || fuse_session_mount(mount->session, mount->mountpoint) != 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot mount on '%s': %s",
			       mount->mountpoint, complaint ? complaint : "the system refused it");
	g_clear_pointer(&complaint, g_free);
	return find_device(mount, error);
}

/* Best effort: only root may, and it is but a matter of speed. */
static void raise_read_ahead(dev_t device)
{
	g_autofree char *path =
		g_strdup_printf("/sys/class/bdi/%u:%u/read_ahead_kb", major(device), minor(device));
	g_autofree char *value = g_strdup_printf("%d\n", READ_AHEAD_KIB);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		vk_log_debug("cannot raise the readahead by '%s': %s", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

/*
 * On the first signal the mount vanishes for newcomers, and the loop ends when the last one who has
 * something open is done. The watch is stopped while the workers still answer: in the middle of a
 * notification it may be waiting for one of them.
 */
static void shut_down(Mount *mount)
{
	const struct timespec patience = {.tv_sec = DRAIN_SECONDS};
	g_autoptr(GError) error = NULL;

	vk_daemon_notify("STOPPING=1");
	vk_watch_stop(mount->watch);
	if (vk_unmounter_detach(mount->unmounter, mount->mountpoint, mount->device, &error)) {
		sigtimedwait(&mount->signals, NULL, &patience);
		if (g_atomic_int_get(&mount->ending))
			return;
		vk_log_warning("files on '%s' are still in use: their users get errors now",
			       mount->mountpoint);
	} else {
		vk_log_error("%s", error->message);
	}
	/* The workers cannot be stopped in the middle of a request, and nothing needs saving. */
	_exit(VK_ERROR_FAILED);
}

/* The session has what it needs root for, but for an array's devices and the passthrough. */
static void drop_capabilities(const Mount *mount)
{
	gboolean keep_admin = mount->ops.passthrough || vk_arrays_have_volumes(mount->arrays);
	g_autoptr(GError) error = NULL;

	if (!vk_privileges_drop_capabilities(keep_admin, &error))
		vk_log_warning("%s: the mount serves with all of them", error->message);
}

/* After the last program that has to be started with other rights: the one that logs. */
static void refuse_calls(void)
{
	g_autoptr(GError) error = NULL;

	if (!vk_privileges_refuse_calls(&error))
		vk_log_warning("%s: the mount serves without that", error->message);
}

/* Waits until the mount answers, and after that for signals. */
static void *attend(void *data)
{
	Mount *mount = data;
	struct stat root;
	int number;

	if (stat(mount->mountpoint, &root) < 0)
		return NULL;
	raise_read_ahead(root.st_dev);
	g_atomic_int_set(&mount->ready, TRUE);
	vk_daemon_ready(mount->daemon);
	refuse_calls();
	sigwait(&mount->signals, &number);
	if (!g_atomic_int_get(&mount->ending))
		shut_down(mount);
	return NULL;
}

/* The kernel ends a session that it cannot begin, and leaves the mount. */
static void leave_mount(const Mount *mount)
{
	g_autoptr(VkMountFound) found = NULL;

	if (vk_mountpoint_find(NULL, mount->mountpoint, &found, NULL) && found &&
	    found->device == mount->device)
		vk_unmounter_detach(mount->unmounter, mount->mountpoint, mount->device, NULL);
}

/* Serves until the mount is gone. */
static gboolean serve(Mount *mount, GError **error)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	VkWatchCalls calls = vk_ops_watch_calls(&mount->ops);
	GThread *attendant;
	int result;

	drop_capabilities(mount);
	fuse_loop_cfg_set_max_threads(config, mount->ops.workers);
	vk_watch_start(mount->watch, &calls, PERIOD_MSEC);
	attendant = g_thread_new("attend", attend, mount);
	result = fuse_session_loop_mt(mount->session, config);
	fuse_loop_cfg_destroy(config);

	g_atomic_int_set(&mount->ending, TRUE);
	kill(getpid(), SIGTERM);
	leave_mount(mount);
	fuse_session_unmount(mount->session);
	g_thread_join(attendant);
	vk_watch_stop(mount->watch);
	if (result != 0 || !g_atomic_int_get(&mount->ready))
		return vk_fail(error, VK_ERROR_FAILED, "the mount on '%s' failed: %s",
			       mount->mountpoint,
			       complaint ? complaint : "the kernel ended the connection");
	return TRUE;
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
	if (!vk_mount_options_parse((const char *const *)mount->option_words, &mount->options,
				    error))
		return FALSE;
	mount->daemon = vk_daemon_start(mount->foreground, error);
	if (!mount->daemon)
		return FALSE;
	mount->unmounter = vk_unmounter_start(error);
	if (!mount->unmounter || !open_vault(mount, url, error))
		return FALSE;
	mount->mountpoint = vk_mountpoint_prepare(argv[argc - 1], vk_vault_directory(mount->vault),
						  mount->options.nonempty, error);
	return mount->mountpoint && open_session(mount, shown_source(mount, url), error) &&
	       serve(mount, error);
}

static void clear(Mount *mount)
{
	if (mount->session)
		fuse_session_destroy(mount->session);
	vk_passthrough_free(mount->ops.passthrough);
	vk_watch_free(mount->watch);
	vk_view_cache_free(mount->views);
	vk_once_log_free(mount->log);
	vk_vault_free(mount->vault);
	vk_arrays_free(mount->arrays);
	vk_unmounter_free(mount->unmounter);
	vk_daemon_free(mount->daemon);
	vk_mount_options_clear(&mount->options);
	vk_program_clear(&mount->program);
	g_strfreev(mount->option_words);
	g_free(mount->mountpoint);
	g_clear_pointer(&complaint, g_free);
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
	/* For attend(); all threads inherit the mask. */
	sigemptyset(&mount.signals);
	sigaddset(&mount.signals, SIGTERM);
	sigaddset(&mount.signals, SIGINT);
	sigaddset(&mount.signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &mount.signals, NULL);
	run(&mount, argc, argv, &error);
	status = vk_program_end(error);
	clear(&mount);
	return status;
}
