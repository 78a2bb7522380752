/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metrics-file.h"

#include "interrupt.h"
#include "log.h"
#include "run-program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_SEC 120
/* How soon an interruption is noticed that came between a look and a wait. */
#define LOOK_MS 200

/*
 * In the child. Without the terminal it asks for no passphrase: the file is for runs that need
 * none.
 */
static void set_up_child(gpointer data)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The vault of the configuration, not one that was named on the command line or by the environment.
 */
static GPtrArray *new_arguments(const VkSettings *settings, const char *textfile)
{
	const char *vault = vk_settings_get(settings, "vault", "url");
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(arguments, vk_program_find("engine", "virtkeep"));
	g_ptr_array_add(arguments, g_strdup("--quiet"));
	g_ptr_array_add(arguments, g_strdup_printf("--config=%s", vk_settings_path(settings)));
	if (vault)
		g_ptr_array_add(arguments, g_strdup_printf("--vault=%s", vault));
	g_ptr_array_add(arguments, g_strdup("metrics"));
	g_ptr_array_add(arguments, g_strdup_printf("--textfile=%s", textfile));
	g_ptr_array_add(arguments, NULL);
	return arguments;
}

/* Whether PID has ended well. It is gone afterwards. */
static gboolean wait_for(GPid pid)
{
	gint64 deadline = g_get_monotonic_time() + TIMEOUT_SEC * (gint64)G_USEC_PER_SEC;
	int status = 0, fd = pidfd_open(pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	while (fd >= 0 && !end.revents && !vk_interrupted() && g_get_monotonic_time() < deadline)
		poll(&end, 1, LOOK_MS);
	if (!end.revents)
		kill(-pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void vk_metrics_file_update(const VkSettings *settings)
{
	const char *textfile = vk_settings_get(settings, "metrics", "textfile");
	g_autoptr(GPtrArray) arguments = NULL;
	g_autoptr(GError) trouble = NULL;
	GPid pid;

	if (!textfile)
		return;
	arguments = new_arguments(settings, textfile);
	if (!g_spawn_async(NULL, (char **)arguments->pdata, NULL,
			   G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
				   G_SPAWN_STDOUT_TO_DEV_NULL,
			   set_up_child, NULL, &pid, &trouble))
		vk_log_warning("the metrics in '%s' were not written: %s", textfile,
			       trouble->message);
	else if (!wait_for(pid))
		vk_log_warning("the metrics in '%s' are those of an earlier run: see 'virtkeep "
			       "metrics'",
			       textfile);
}
