/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-files-mount: shows the files inside the disks of a snapshot, as a mount of their own.
 * People call it as "virtkeep files mount", and mount(8) as "mount.fuse.virtkeep-files".
 */
#include "files-ops.h"
#include "mount-options.h"
#include "mount-session.h"
#include "mountpoint.h"

#include "array-drivers.h"
#include "errors.h"
#include "interrupt.h"
#include "launcher.h"
#include "location.h"
#include "log.h"
#include "open-vault.h"
#include "program.h"
#include "walk-check.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

#define USAGE "mount SNAPSHOT[:PATH] MOUNTPOINT"

/* The worker answers one request at a time; the others wait in these. */
#define WORKERS 8
/* Different warnings that readers can provoke. */
#define WARNINGS_MAX 1000
#define IDLE_SEC     600

typedef struct Mount {
	VkProgram program;
	gboolean foreground;
	char **option_words;
	char *system;
	char **key_files;
	char *kernel, *kernel_path; /* as it was given, and its whole path */
	VkVolumeKeys *keys;         /* of these files */
	VkMachineKind kind;
	int idle_sec;
	VkMountOptions options;
	VkLocation location;
	char *mountpoint; /* resolved */
	VkMountSession *session;
	VkArrays *arrays;
	VkVault *vault;
	VkFilesOps ops;
} Mount;

static GOptionContext *new_context(Mount *mount)
{
	const GOptionEntry entries[] = {
		{"options", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &mount->option_words,
		 "Mount options: uid=N, gid=N, umask=MODE, cache=MIB, allow_other, allow_root, "
		 "nonempty",
		 "OPTIONS"},
		{"foreground", 'f', 0, G_OPTION_ARG_NONE, &mount->foreground,
		 "Stay in the foreground", NULL},
		{"idle", 0, 0, G_OPTION_ARG_INT, &mount->idle_sec,
		 "End the appliance after so many seconds without use; 600 by default", "SECONDS"},
		{"system", 0, 0, G_OPTION_ARG_STRING, &mount->system,
		 "Of several installed systems the one whose root is on VOLUME", "VOLUME"},
		{"key-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &mount->key_files,
		 "The key of the encrypted VOLUME, or of all that it opens; may be repeated",
		 "[VOLUME=]FILE"},
		{"kernel", 0, 0, G_OPTION_ARG_FILENAME, &mount->kernel,
		 "Read by the newest kernel in DIRECTORY, in QEMU", "DIRECTORY"},
		G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(USAGE);

	g_option_context_set_summary(context, "Shows the files of a guest as a directory.");
	g_option_context_add_main_entries(context, entries, NULL);
	vk_completion_add_entries(mount->program.completion, entries);
	vk_program_add_options(&mount->program, context);
	return context;
}

/* Snapshots and what is in them take too long to be looked up. */
static gboolean complete_kind(const VkCompletion *completion, const char *kind, gpointer data)
{
	return strcmp(kind, "VOLUME") == 0 || g_str_has_prefix(kind, "SNAPSHOT");
}

/* For a shell: what may stand at the cursor. */
static int complete(Mount *mount, char **words)
{
	g_autoptr(GOptionContext) context = NULL;

	mount->program.completion = vk_completion_new(words);
	if (!mount->program.completion)
		return VK_ERROR_USAGE;
	context = new_context(mount);
	vk_completion_answer(mount->program.completion, USAGE, complete_kind, NULL);
	return 0;
}

static gboolean parse_options(Mount *mount, GError **error)
{
	gboolean root = geteuid() == 0;

	/* A user could read nothing of most guests if their owners counted. */
	mount->options.uid = root ? VK_AS_IN_GUEST : getuid();
	mount->options.gid = root ? VK_AS_IN_GUEST : getgid();
	if (!vk_mount_options_parse((const char *const *)mount->option_words, &mount->options,
				    error))
		return FALSE;
	if (mount->options.guests || mount->options.threads)
		return vk_fail(error, VK_ERROR_USAGE,
			       "mount option '%s' is not known here: see virtkeep-files(1)",
			       mount->options.guests ? "guests" : "threads");
	mount->keys = vk_volume_keys_new((const char *const *)mount->key_files, error);
	if (!mount->keys)
		return FALSE;
	return mount->idle_sec > 0 ||
	       vk_fail(error, VK_ERROR_USAGE, "--idle=%d: at least one second", mount->idle_sec);
}

static gboolean open_vault(Mount *mount, GError **error)
{
	guint64 cache_mib = mount->options.cache_mib;
	VkCopyReader reader;

	mount->arrays = vk_arrays_new(mount->program.settings, vk_log_warning, error);
	mount->vault =
		mount->arrays ? vk_open_vault_to_read(&mount->program, NULL, FALSE, error) : NULL;
	if (!mount->vault)
		return FALSE;
	if (cache_mib > 0)
		vk_vault_set_cache_size(mount->vault, (gsize)cache_mib << 20);
	reader = vk_arrays_reader(mount->arrays);
	vk_vault_set_copy_reader(mount->vault, &reader);
	return TRUE;
}

static gboolean make_mount(Mount *mount, const char *source, GError **error)
{
	VkMountSetup setup = {
		.subtype = VK_FILES_SUBTYPE,
		.source = source,
		.options = &mount->options,
		.ops = &vk_files_fuse_ops,
		.data = &mount->ops,
		.workers = WORKERS,
		.keep_admin = vk_arrays_have_volumes(mount->arrays),
	};

	setup.mountpoint = mount->mountpoint;
	return vk_mount_session_mount(mount->session, &setup, error);
}

/* Warns of what the installed system has, but cannot be shown. */
static gboolean note_gaps(VkGuestFiles *files, gpointer data, GError **error)
{
	const VkFilesOps *ops = data;
	const VkWalkCalls calls = {0};
	const VkWalk walk = {
		.volume = ops->place.volume, .system = ops->place.system, .path = ops->place.path};
	g_autoptr(GError) trouble = NULL;

	if (vk_guest_files_walk(files, &walk, &calls, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_PARTIAL))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

/* The path where the mounted tree begins, a directory: without '/' at its end. New string. */
static char *find_top(Mount *mount, struct stat *ret, GError **error)
{
	g_autofree char *path = g_strdup(mount->location.path);
	VkEntry entry = {0};
	gboolean ok;

	while (g_str_has_suffix(path, "/"))
		path[strlen(path) - 1] = '\0';
	ok = vk_files_look(&mount->ops, path, &entry, error);
	if (ok && S_ISLNK(entry.mode)) {
		char *through = g_strconcat(path, "/.", NULL);

		g_free(path);
		path = through;
		vk_entry_clear(&entry);
		ok = vk_files_look(&mount->ops, path, &entry, error);
	}
	if (ok && !S_ISDIR(entry.mode))
		ok = vk_fail(error, VK_ERROR_USAGE, "'%s' is no directory", mount->location.path);
	if (ok)
		vk_files_fill_stat(&mount->ops, &entry, ret);
	vk_entry_clear(&entry);
	return ok ? g_steal_pointer(&path) : NULL;
}

static gboolean open_top(Mount *mount, GError **error)
{
	const VkSettings *settings = mount->program.settings;
	const char *run_dir = vk_settings_get(settings, "backup", "run_dir");
	VkFilesOps *ops = &mount->ops;
	g_autofree char *top = NULL;
	struct stat st;

	ops->place = (VkPlace){.volume = mount->location.volume,
			       .system = mount->system,
			       .path = mount->location.path};
	ops->uid = mount->options.uid;
	ops->gid = mount->options.gid;
	ops->umask = mount->options.umask;
	ops->log = vk_once_log_new(WARNINGS_MAX);
	ops->inodes = vk_inodes_new();
	/* This process is going to leave its directory. */
	mount->kernel_path = mount->kernel ? g_canonicalize_filename(mount->kernel, NULL) : NULL;
	mount->kind = (VkMachineKind){
		.machine = vk_settings_get(settings, "files", "appliance"),
		.kernel = mount->kernel_path,
	};
	ops->worker = vk_guest_worker_new(mount->vault, mount->location.snapshot, run_dir,
					  &mount->kind, mount->keys, (guint)mount->idle_sec, error);
	if (!ops->worker || !vk_guest_worker_call(ops->worker, note_gaps, ops, error))
		return FALSE;
	top = find_top(mount, &st, error);
	if (top)
		ops->nodes = vk_nodes_new(top, &st);
	return top != NULL;
}

/* After the mount, and without the rights that it needs. Its users wait until then. */
static gboolean open_files(Mount *mount, GError **error)
{
	gboolean ok;

	vk_mount_session_let_interrupt(mount->session, TRUE);
	ok = open_top(mount, error);
	vk_mount_session_let_interrupt(mount->session, FALSE);
	return ok && (!vk_interrupted() || vk_fail_interrupted(error));
}

static gboolean run(Mount *mount, int argc, char **argv, GError **error)
{
	g_autoptr(GOptionContext) context = new_context(mount);

	if (!vk_program_parse(&mount->program, context, &argc, &argv, error) ||
	    !vk_program_start(&mount->program, error))
		return FALSE;
	if (argc != 3)
		return vk_fail(error, VK_ERROR_USAGE,
			       "name a snapshot and a mountpoint: virtkeep files " USAGE);
	if (!vk_location_parse(argv[1], &mount->location, error) || !parse_options(mount, error))
		return FALSE;
	mount->session = vk_mount_session_new(mount->foreground, error);
	if (!mount->session || !vk_launcher_start(error) || !open_vault(mount, error))
		return FALSE;
	mount->mountpoint = vk_mountpoint_prepare(argv[2], vk_vault_directory(mount->vault),
						  mount->options.nonempty, error);
	return mount->mountpoint && make_mount(mount, argv[1], error) && open_files(mount, error) &&
	       vk_mount_session_serve(mount->session, error);
}

static void clear(Mount *mount)
{
	vk_mount_session_free(mount->session);
	vk_guest_worker_free(mount->ops.worker);
	vk_nodes_free(mount->ops.nodes);
	vk_inodes_free(mount->ops.inodes);
	vk_once_log_free(mount->ops.log);
	g_clear_pointer(&mount->ops.cache.attributes, g_hash_table_unref);
	vk_vault_free(mount->vault);
	vk_arrays_free(mount->arrays);
	vk_location_clear(&mount->location);
	vk_mount_options_clear(&mount->options);
	vk_program_clear(&mount->program);
	g_strfreev(mount->option_words);
	g_strfreev(mount->key_files);
	g_free(mount->kernel);
	g_free(mount->kernel_path);
	g_clear_pointer(&mount->keys, vk_volume_keys_free);
	g_free(mount->mountpoint);
	g_free(mount->system);
}

/*
 * Whether mount(8) only tries what it would do. Drops what it adds behind the mountpoint and means
 * nothing here: whether to keep a table of mounts, and to bear with unknown options.
 */
static gboolean take_words_of_mount(int *argc, char **argv)
{
	g_autofree char *name = g_path_get_basename(argv[0]);
	gboolean only_try = FALSE;
	int kept = MIN(*argc, 3);

	if (!g_str_has_prefix(name, "mount."))
		return FALSE;
	for (int i = kept; i < *argc; i++) {
		if (strcmp(argv[i], "-f") == 0)
			only_try = TRUE;
		else if (strcmp(argv[i], "-n") != 0 && strcmp(argv[i], "-s") != 0)
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	return only_try;
}

int main(int argc, char **argv)
{
	Mount mount = {.idle_sec = IDLE_SEC};
	g_autoptr(GError) error = NULL;
	int status;

	/* Only how text is encoded, as in the other programs. */
	setlocale(LC_CTYPE, "");
	g_set_prgname("virtkeep-files");
	if (argc > 1 && strcmp(argv[1], VK_COMPLETE_OPTION) == 0)
		return complete(&mount, argv + 2);
	if (take_words_of_mount(&argc, argv))
		return 0;
	g_mutex_init(&mount.ops.cache.lock);
	run(&mount, argc, argv, &error);
	status = vk_program_end(error);
	clear(&mount);
	return status;
}
