/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-state.h"

#include "errors.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "new-file.h"

#include <errno.h>
#include <string.h>

#define STATE_BYTES_MAX (64u << 10)

/* No moment is later than the calendar's end. */
#define MOMENT_MAX 253402300799

void vk_job_state_free(VkJobState *state)
{
	if (!state)
		return;
	g_free(state->error);
	g_free(state);
}

static char *path_of(const char *state_dir, const char *name)
{
	return g_strdup_printf("%s/%s.json", state_dir, name);
}

static gboolean take_number(const json_t *object, const char *key, guint64 max, guint64 *ret,
			    GError **error)
{
	if (!vk_json_uint(object, key, ret, error))
		return FALSE;
	return *ret <= max || vk_fail(error, VK_ERROR_DAMAGE, "'%s' is too large", key);
}

static gboolean take_object(VkJobState *state, const json_t *object, GError **error)
{
	guint64 since, started, ended, planned, missed, status;

	if (!take_number(object, "since", MOMENT_MAX, &since, error) ||
	    !take_number(object, "started", MOMENT_MAX, &started, error) ||
	    !take_number(object, "ended", MOMENT_MAX, &ended, error) ||
	    !take_number(object, "planned", MOMENT_MAX, &planned, error) ||
	    !take_number(object, "missed", G_MAXINT, &missed, error) ||
	    !take_number(object, "status", G_MAXUINT8, &status, error))
		return FALSE;
	state->past = (VkJobPast){(gint64)since, (gint64)started, (gint64)ended};
	state->planned = (gint64)planned;
	state->missed = (guint)missed;
	state->status = (int)status;
	state->error = g_strdup(vk_json_optional_string(object, "error"));
	return TRUE;
}

VkJobState *vk_job_state_load(const char *state_dir, const char *name)
{
	g_autofree char *path = path_of(state_dir, name);
	g_autofree char *text = NULL;
	g_autoptr(VkJobState) state = g_new0(VkJobState, 1);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) object = NULL;
	gsize length;

	if (!vk_io_read_whole(path, STATE_BYTES_MAX, &text, &length, &trouble)) {
		if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			vk_log_warning("the last run of the job '%s' is not known: %s", name,
				       trouble->message);
		return g_steal_pointer(&state);
	}
	object = vk_json_parse(text, length, path, &trouble);
	if (object && !take_object(state, object, &trouble))
		g_prefix_error(&trouble, "'%s': ", path);
	if (trouble) {
		vk_log_warning("the last run of the job '%s' is not known: %s", name,
			       trouble->message);
		g_free(state->error);
		*state = (VkJobState){.error = NULL};
	}
	return g_steal_pointer(&state);
}

gboolean vk_job_state_save(const VkJobState *state, const char *state_dir, const char *name,
			   GError **error)
{
	g_autofree char *path = path_of(state_dir, name);
	g_autoptr(json_t) object = json_pack(
		"{s:I, s:I, s:I, s:I, s:i, s:i, s:o}", "since", (json_int_t)state->past.since,
		"started", (json_int_t)state->past.started, "ended", (json_int_t)state->past.ended,
		"planned", (json_int_t)state->planned, "missed", (int)state->missed, "status",
		state->status, "error", vk_json_new_string(state->error));
	g_autofree char *line = vk_json_line(object);
	g_autoptr(VkNewFile) file = NULL;

	if (g_mkdir_with_parents(state_dir, 0755) < 0)
		return vk_fail_errno(error, errno, "cannot make the directory '%s'", state_dir);
	file = vk_new_file_create(path, 0644, error);
	return file && vk_io_write(vk_new_file_fd(file), path, 0, line, strlen(line), error) &&
	       vk_new_file_commit(file, TRUE, error);
}
