/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-units.h"

#include "errors.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* It is there while systemd runs this host: sd_booted(3). */
#define SYSTEMD_DIRECTORY "/run/systemd/system"

/* New string. */
static char *timer_text(const VkScheduledJob *job, const char *source)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text,
			       "# Made from [job %s] of %s: change that, and run 'systemctl "
			       "daemon-reload'.\n"
			       "[Unit]\n"
			       "Description=Schedule of the job %s of virtkeep\n"
			       "Documentation=man:virtkeep.conf(5)\n"
			       "SourcePath=%s\n"
			       "\n"
			       "[Timer]\n",
			       job->name, source, job->name, source);
	for (const char *const *calendar = vk_schedule_calendars(job->schedule); *calendar;
	     calendar++)
		g_string_append_printf(text, "OnCalendar=%s\n", *calendar);
	/* What came too late for its window runs when the next one opens. */
	if (job->has_window && job->persistent) {
		g_autofree char *begin = vk_time_window_begin(&job->window);

		g_string_append_printf(text, "OnCalendar=*-*-* %s\n", begin);
	}
	if (job->delay_sec > 0)
		g_string_append_printf(text, "RandomizedDelaySec=%u\nFixedRandomDelay=true\n",
				       job->delay_sec);
	g_string_append_printf(text, "Persistent=%s\n", job->persistent ? "true" : "false");
	return g_string_free(text, FALSE);
}

static gboolean write_timer(const VkScheduledJob *job, const char *directory, const char *wants,
			    const char *source, GError **error)
{
	g_autofree char *name = g_strdup_printf("virtkeep-job@%s.timer", job->name);
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *link_path = g_build_filename(wants, name, NULL);
	g_autofree char *target = g_build_filename("..", name, NULL);
	g_autofree char *text = timer_text(job, source);
	g_autoptr(GError) trouble = NULL;

	if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
				      &trouble))
		return vk_fail(error, VK_ERROR_FAILED, "cannot write '%s': %s", path,
			       trouble->message);
	if (symlink(target, link_path) == 0 || errno == EEXIST)
		return TRUE;
	return vk_fail_errno(error, errno, "cannot make the link '%s'", link_path);
}

gboolean vk_job_units_write(const GPtrArray *jobs, const char *directory, const char *source,
			    GError **error)
{
	g_autofree char *wants = g_build_filename(directory, "timers.target.wants", NULL);

	if (g_mkdir_with_parents(wants, 0755) < 0)
		return vk_fail_errno(error, errno, "cannot make the directory '%s'", wants);
	for (guint i = 0; i < jobs->len; i++) {
		const VkScheduledJob *job = g_ptr_array_index(jobs, i);

		if (job->schedule && job->enabled &&
		    !write_timer(job, directory, wants, source, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean systemctl(const char *verb, const char *unit, GError **error)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) argv = NULL;
	g_autofree char *said = NULL;
	g_autoptr(GError) trouble = NULL;
	int status;

	g_strv_builder_add_many(builder, "systemctl", verb, NULL);
	if (unit)
		g_strv_builder_add(builder, unit);
	argv = g_strv_builder_end(builder);
	if (g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
			 NULL, NULL, &said, &status, &trouble) &&
	    g_spawn_check_wait_status(status, &trouble))
		return TRUE;
	return vk_fail(error, VK_ERROR_FAILED, "'systemctl %s%s%s' failed: %s", verb,
		       unit ? " " : "", unit ? unit : "",
		       said && *g_strstrip(said) ? said : trouble->message);
}

gboolean vk_job_units_apply(const char *name, gboolean enabled, gboolean *ret_reached,
			    GError **error)
{
	g_autofree char *unit = g_strdup_printf("virtkeep-job@%s.timer", name);

	*ret_reached = g_file_test(SYSTEMD_DIRECTORY, G_FILE_TEST_IS_DIR);
	if (!*ret_reached)
		return TRUE;
	/* Once its unit is gone, a timer could not be stopped by its name. */
	if (!enabled)
		return systemctl("stop", unit, error) && systemctl("daemon-reload", NULL, error);
	return systemctl("daemon-reload", NULL, error) && systemctl("start", unit, error);
}
