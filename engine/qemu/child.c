/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each child has a thread that starts it, collects its outputs, and reaps it. The signal that the
 * kernel sends at a parent's death is tied to the thread that forked, so that thread must live as
 * long as the child.
 */
#include "child.h"

#include "errors.h"
#include "io.h"
#include "file-limit.h"
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX ((gsize)4 * 1024 * 1024)
#define STDERR_MAX 4096

/* After the end: more than both pipes can hold. */
#define READS_AFTER_END 128

struct VkChild {
	char **argv;
	char **environment; /* NULL: that of this process */
	GPid parent;
	int death_signal;
	GThread *thread;
	GMutex lock; /* guards what follows */
	GCond changed;
	gboolean started;
	gboolean ended;
	GPid pid;
	int wait_status;
	GError *failure;
	GString *output, *errors; /* the thread's own until ended */
};

static void set_up_child(gpointer data)
{
	const VkChild *child = data;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	vk_file_limit_lower(NULL);
	prctl(PR_SET_PDEATHSIG, child->death_signal);
	if (getppid() != child->parent)
		_exit(127);
}

/* Returns FALSE at the end of the stream. */
static gboolean collect(int fd, GString *text, gsize max)
{
	char buf[4096];
	ssize_t length = read(fd, buf, sizeof(buf));

	if (length < 0 && errno == EINTR)
		return TRUE;
	if (length <= 0)
		return FALSE;
	g_string_append_len(text, buf, MIN((gssize)(max - text->len), (gssize)length));
	return TRUE;
}

/* Until the child ends: what it leaves behind may keep its outputs open for ever. */
static void collect_all(VkChild *child, int output_fd, int errors_fd)
{
	VK_AUTOFD end_fd = pidfd_open(child->pid, 0);
	struct pollfd fds[] = {{.fd = output_fd, .events = POLLIN},
			       {.fd = errors_fd, .events = POLLIN},
			       {.fd = end_fd, .events = POLLIN}};
	guint left = READS_AFTER_END;

	while ((fds[0].fd >= 0 || fds[1].fd >= 0) && left > 0) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[2].revents)
			left = fds[0].revents || fds[1].revents ? left - 1 : 0;
		if (fds[0].revents && !collect(output_fd, child->output, OUTPUT_MAX))
			fds[0].fd = -1;
		if (fds[1].revents && !collect(errors_fd, child->errors, STDERR_MAX))
			fds[1].fd = -1;
	}
	close(output_fd);
	close(errors_fd);
}

/*
 * Reaps under the lock, so that no other thread signals a process id that is no longer this
 * child's.
 */
static void reap(VkChild *child)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	g_mutex_lock(&child->lock);
	while (waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR)
		;
	child->ended = TRUE;
	g_cond_broadcast(&child->changed);
	g_mutex_unlock(&child->lock);
}

static gpointer run_child(gpointer data)
{
	VkChild *child = data;
	int output_fd = -1, errors_fd = -1;
	GError *failure = NULL;
	GPid pid = 0;
	gboolean ok;

	ok = g_spawn_async_with_pipes(
		NULL, child->argv, child->environment,
		G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES,
		set_up_child, child, &pid, NULL, &output_fd, &errors_fd, &failure);
	g_mutex_lock(&child->lock);
	child->pid = pid;
	child->failure = failure;
	child->started = TRUE;
	g_cond_broadcast(&child->changed);
	g_mutex_unlock(&child->lock);
	if (ok) {
		collect_all(child, output_fd, errors_fd);
		reap(child);
	}
	return NULL;
}

static char **copy_strings(const char *const *strings)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (; *strings; strings++)
		g_strv_builder_add(builder, *strings);
	return g_strv_builder_end(builder);
}

VkChild *vk_child_start(const char *const *argv, const char *const *environment, int death_signal,
			GError **error)
{
	VkChild *child = g_new0(VkChild, 1);

	g_mutex_init(&child->lock);
	g_cond_init(&child->changed);
	child->argv = copy_strings(argv);
	child->environment = environment ? copy_strings(environment) : NULL;
	child->parent = getpid();
	child->death_signal = death_signal;
	child->output = g_string_new(NULL);
	child->errors = g_string_new(NULL);
	child->thread = g_thread_new("child", run_child, child);
	g_mutex_lock(&child->lock);
	while (!child->started)
		g_cond_wait(&child->changed, &child->lock);
	g_mutex_unlock(&child->lock);
	if (child->failure) {
		vk_fail(error, VK_ERROR_FAILED, "cannot run '%s': %s%s", child->argv[0],
			child->failure->message,
			g_str_has_prefix(child->argv[0], "qemu-") ? "; is qemu-utils installed?"
								  : "");
		child->ended = TRUE;
		vk_child_free(child);
		return NULL;
	}
	return child;
}

static void send_signal(VkChild *child, int number)
{
	g_mutex_lock(&child->lock);
	if (!child->ended)
		kill(-child->pid, number);
	g_mutex_unlock(&child->lock);
}

void vk_child_terminate(VkChild *child)
{
	send_signal(child, SIGTERM);
}

gboolean vk_child_wait(VkChild *child, gint64 deadline)
{
	gboolean ended;

	g_mutex_lock(&child->lock);
	while (!child->ended && g_cond_wait_until(&child->changed, &child->lock, deadline))
		;
	ended = child->ended;
	g_mutex_unlock(&child->lock);
	return ended;
}

gboolean vk_child_check(VkChild *child, GError **error)
{
	if (WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 0)
		return TRUE;
	g_strdelimit(g_strstrip(child->errors->str), "\n", ' ');
	if (WIFSIGNALED(child->wait_status))
		return vk_fail(error, VK_ERROR_FAILED, "%s was killed by signal %d%s%s",
			       child->argv[0], WTERMSIG(child->wait_status),
			       *child->errors->str ? ": " : "", child->errors->str);
	return vk_fail(error, VK_ERROR_FAILED, "%s",
		       *child->errors->str ? child->errors->str : "no reason given");
}

void vk_child_free(VkChild *child)
{
	if (!child)
		return;
	if (!child->failure)
		send_signal(child, SIGKILL);
	g_thread_join(child->thread);
	g_clear_error(&child->failure);
	g_string_free(child->output, TRUE);
	g_string_free(child->errors, TRUE);
	g_mutex_clear(&child->lock);
	g_cond_clear(&child->changed);
	g_strfreev(child->argv);
	g_strfreev(child->environment);
	g_free(child);
}

char *vk_child_run(const char *const *argv, guint timeout_sec, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_sec * G_TIME_SPAN_SECOND;
	g_autoptr(VkChild) child = vk_child_start(argv, NULL, SIGKILL, error);

	if (!child)
		return NULL;
	while (!vk_child_wait(child, g_get_monotonic_time() + G_TIME_SPAN_SECOND)) {
		if (vk_interrupted()) {
			vk_fail_interrupted(error);
			return NULL;
		}
		if (g_get_monotonic_time() >= deadline) {
			vk_fail(error, VK_ERROR_FAILED, "%s did not end within %u s", argv[0],
				timeout_sec);
			return NULL;
		}
	}
	if (!vk_child_check(child, error))
		return NULL;
	return g_strdup(child->output->str);
}
