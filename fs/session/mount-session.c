/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount-session.h"

#include "daemon.h"
#include "errors.h"
#include "log.h"
#include "mountpoint.h"
#include "privileges.h"
#include "unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* How long users of open files have after the first signal to close them. */
#define DRAIN_SECONDS 10
/* The kernel's own 128 KiB would cut every sequential read to pieces. */
#define READ_AHEAD_KIB 4096

struct VkMountSession {
	VkDaemon *daemon;
	VkUnmounter *unmounter;
	VkMountSetup setup;
	struct fuse_session *fuse;
	guint64 device; /* of the mount */
	sigset_t signals;
	gint ready;  /* atomic: the mount has answered */
	gint ending; /* atomic: the session loop is over */
};

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

/* By which the mount is known again when others lie over it. */
static gboolean find_device(VkMountSession *session, GError **error)
{
	g_autoptr(VkMountFound) found = NULL;

	if (!vk_mountpoint_find(NULL, session->setup.mountpoint, &found, error))
		return FALSE;
	if (found)
		session->device = found->device;
	return TRUE;
}

/* The session has what it needs root for, but for an array's devices and the passthrough. */
static void drop_capabilities(const VkMountSession *session)
{
	g_autoptr(GError) error = NULL;

	if (!vk_privileges_drop_capabilities(session->setup.keep_admin, &error))
		vk_log_warning("%s: the mount serves with all of them", error->message);
}

gboolean vk_mount_session_mount(VkMountSession *session, const VkMountSetup *setup, GError **error)
{
	g_autofree char *words =
		vk_mount_options_session(setup->options, setup->subtype, setup->source);
	char name[] = "virtkeep-mount";
	char flag[] = "-o";
	char *argv[] = {name, flag, words, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	session->setup = *setup;
	fuse_set_log_func(note_complaint);
	session->fuse = fuse_session_new(&args, setup->ops, sizeof(*setup->ops), setup->data);
	fuse_opt_free_args(&args);
	if (!session->fuse || fuse_session_mount(session->fuse, setup->mountpoint) != 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot mount on '%s': %s",
			       setup->mountpoint, complaint ? complaint : "the system refused it");
	g_clear_pointer(&complaint, g_free);
	if (!find_device(session, error))
		return FALSE;
	drop_capabilities(session);
	return TRUE;
}

struct fuse_session *vk_mount_session_fuse(VkMountSession *session)
{
	return session->fuse;
}

void vk_mount_session_let_interrupt(VkMountSession *session, gboolean let)
{
	pthread_sigmask(let ? SIG_UNBLOCK : SIG_BLOCK, &session->signals, NULL);
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
 * something open is done. What notifies the kernel is stopped while the workers still answer: in
 * the middle of a notification it may be waiting for one of them.
 */
static void shut_down(VkMountSession *session)
{
	const struct timespec patience = {.tv_sec = DRAIN_SECONDS};
	const char *mountpoint = session->setup.mountpoint;
	g_autoptr(GError) error = NULL;

	vk_daemon_notify("STOPPING=1");
	if (session->setup.stop)
		session->setup.stop(session->setup.data);
	if (vk_unmounter_detach(session->unmounter, mountpoint, session->device, &error)) {
		sigtimedwait(&session->signals, NULL, &patience);
		if (g_atomic_int_get(&session->ending))
			return;
		vk_log_warning("files on '%s' are still in use: their users get errors now",
			       mountpoint);
	} else {
		vk_log_error("%s", error->message);
	}
	/* The workers cannot be stopped in the middle of a request, and nothing needs saving. */
	_exit(VK_ERROR_FAILED);
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
	VkMountSession *session = data;
	struct stat root;
	int number;

	if (stat(session->setup.mountpoint, &root) < 0)
		return NULL;
	raise_read_ahead(root.st_dev);
	g_atomic_int_set(&session->ready, TRUE);
	vk_daemon_ready(session->daemon);
	refuse_calls();
	sigwait(&session->signals, &number);
	if (!g_atomic_int_get(&session->ending))
		shut_down(session);
	return NULL;
}

/* The kernel ends a session that it cannot begin, and leaves the mount. */
static void leave_mount(const VkMountSession *session)
{
	g_autoptr(VkMountFound) found = NULL;

	if (vk_mountpoint_find(NULL, session->setup.mountpoint, &found, NULL) && found &&
	    found->device == session->device)
		vk_unmounter_detach(session->unmounter, session->setup.mountpoint, session->device,
				    NULL);
}

gboolean vk_mount_session_serve(VkMountSession *session, GError **error)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	GThread *attendant;
	int result;

	fuse_loop_cfg_set_max_threads(config, session->setup.workers);
	attendant = g_thread_new("attend", attend, session);
	result = fuse_session_loop_mt(session->fuse, config);
	fuse_loop_cfg_destroy(config);

	g_atomic_int_set(&session->ending, TRUE);
	kill(getpid(), SIGTERM);
	leave_mount(session);
	fuse_session_unmount(session->fuse);
	g_thread_join(attendant);
	if (result != 0 || !g_atomic_int_get(&session->ready))
		return vk_fail(error, VK_ERROR_FAILED, "the mount on '%s' failed: %s",
			       session->setup.mountpoint,
			       complaint ? complaint : "the kernel ended the connection");
	return TRUE;
}

VkMountSession *vk_mount_session_new(gboolean foreground, GError **error)
{
	g_autoptr(VkMountSession) session = g_new0(VkMountSession, 1);

	/* For attend(); all threads inherit the mask. */
	sigemptyset(&session->signals);
	sigaddset(&session->signals, SIGTERM);
	sigaddset(&session->signals, SIGINT);
	sigaddset(&session->signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &session->signals, NULL);
	session->daemon = vk_daemon_start(foreground, error);
	if (!session->daemon)
		return NULL;
	session->unmounter = vk_unmounter_start(error);
	return session->unmounter ? g_steal_pointer(&session) : NULL;
}

void vk_mount_session_free(VkMountSession *session)
{
	if (!session)
		return;
	if (session->device)
		leave_mount(session);
	if (session->fuse)
		fuse_session_destroy(session->fuse);
	vk_unmounter_free(session->unmounter);
	vk_daemon_free(session->daemon);
	g_clear_pointer(&complaint, g_free);
	g_free(session);
}
