/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-log.h"

#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* Names in a line; more are only counted. */
#define NAMED_MAX 3u

/* Sums of the guests of a task that a line is about. */
typedef struct Sums {
	guint64 fresh, stored, pause_msec; /* the longest pause */
	GPtrArray *names, *failed;         /* owned strings */
} Sums;

/* Local time: "2026-11-28 07:30:15". New string. */
static char *moment_text(gint64 usec, const char *format)
{
	g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(usec / G_USEC_PER_SEC);

	return moment ? g_date_time_format(moment, format) : g_strdup("-");
}

static char *started_text(const VkTask *task)
{
	return moment_text(task->began, "%Y-%m-%d %H:%M:%S");
}

static char *took_text(const VkTask *task)
{
	return task->ended ? vk_duration_text((guint64)MAX(task->ended - task->began, 1))
			   : g_strdup("-");
}

static char *msec_text(guint64 msec)
{
	return vk_pause_text(msec * 1000);
}

static gboolean is_about(const VkTaskGuest *guest, const char *about)
{
	return !about || strcmp(guest->name, about) == 0 || g_strcmp0(guest->uuid, about) == 0;
}

/* The job may have the name that was asked for, and no guest of it: then all count. */
static gboolean has_guest(const VkTask *task, const char *about)
{
	for (guint i = 0; i < task->guests->len; i++)
		if (is_about(g_ptr_array_index(task->guests, i), about))
			return TRUE;
	return FALSE;
}

static void add_name(GPtrArray *names, const char *name)
{
	for (guint i = 0; i < names->len; i++)
		if (strcmp(g_ptr_array_index(names, i), name) == 0)
			return;
	g_ptr_array_add(names, g_strdup(name));
}

static Sums sum_up(const VkTask *task, const char *about)
{
	const char *only = about && has_guest(task, about) ? about : NULL;
	Sums sums = {.names = g_ptr_array_new_with_free_func(g_free),
		     .failed = g_ptr_array_new_with_free_func(g_free)};

	for (guint i = 0; i < task->guests->len; i++) {
		const VkTaskGuest *guest = g_ptr_array_index(task->guests, i);

		if (!is_about(guest, only))
			continue;
		add_name(guest->error ? sums.failed : sums.names, guest->name);
		sums.fresh += guest->fresh;
		sums.stored += guest->stored;
		sums.pause_msec = MAX(sums.pause_msec, guest->pause_msec);
	}
	return sums;
}

static void sums_clear(Sums *sums)
{
	g_ptr_array_unref(sums->names);
	g_ptr_array_unref(sums->failed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sums, sums_clear)

/* "web1, web2", "web1, web2, web3 and 9 more"; "-" for none. New string. */
static char *names_text(const GPtrArray *names)
{
	GString *text = g_string_new(names->len == 0 ? "-" : NULL);

	for (guint i = 0; i < MIN(names->len, NAMED_MAX); i++)
		g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
				       (const char *)g_ptr_array_index(names, i));
	if (names->len > NAMED_MAX)
		g_string_append_printf(text, " and %u more", names->len - NAMED_MAX);
	return g_string_free(text, FALSE);
}

/* The job, and which guests failed or what else went wrong. New string. */
static char *note_text(const VkTask *task, const Sums *sums)
{
	g_autofree char *failed = names_text(sums->failed);
	g_autofree char *job = task->job ? g_strdup_printf("job %s", task->job) : NULL;
	g_autofree char *failures = sums->failed->len > 0 ? g_strdup_printf("failed: %s", failed)
							  : g_strdup(task->error);

	if (job && failures)
		return g_strdup_printf("%s; %s", job, failures);
	return g_strdup(job ? job : failures ? failures : "-");
}

static void add_row(VkTable *table, const VkTask *task, const char *about)
{
	g_auto(Sums) sums = sum_up(task, about);
	g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, task->id);
	g_autofree char *started = started_text(task);
	g_autofree char *took = took_text(task);
	g_autofree char *names = NULL;
	g_autofree char *note = NULL;
	g_autofree char *fresh = NULL;
	g_autofree char *stored = NULL;
	g_autofree char *pause = NULL;
	gboolean has_amounts;

	has_amounts = strcmp(task->kind, "backup") == 0 || strcmp(task->kind, "copy") == 0;
	has_amounts = has_amounts && sums.names->len > 0;
	names = names_text(sums.names);
	note = note_text(task, &sums);
	fresh = has_amounts ? vk_size_text(sums.fresh) : g_strdup("-");
	stored = has_amounts ? vk_size_text(sums.stored) : g_strdup("-");
	pause = has_amounts ? msec_text(sums.pause_msec) : g_strdup("-");
	vk_table_add(table, id, started, task->kind, vk_task_outcome(task), took, names, fresh,
		     stored, pause, note, NULL);
}

void vk_log_print_list(const GPtrArray *tasks, const char *about)
{
	g_autoptr(VkTable) table = vk_table_new("ID", "STARTED", "WHAT", "RESULT", "TOOK", "GUESTS",
						"NEW", "STORED", "PAUSE", "NOTE", NULL);

	for (guint i = 0; i < tasks->len; i++)
		add_row(table, g_ptr_array_index(tasks, i), about);
	if (tasks->len > 0)
		vk_table_print(table);
}

static void print_head(const VkTask *task)
{
	g_autofree char *started = started_text(task);
	g_autofree char *took = took_text(task);

	vk_print_line(stdout, "%s %" G_GUINT64_FORMAT ": %s", task->kind, task->id,
		      vk_task_outcome(task));
	vk_print_line(stdout, "  started:  %s", started);
	if (task->ended)
		vk_print_line(stdout, "  took:     %s, exit status %d", took, task->status);
	else if (!task->running)
		vk_print_line(stdout, "  ended:    never; it was killed, or the host went down");
	if (task->job)
		vk_print_line(stdout, "  job:      %s", task->job);
	vk_print_line(stdout, "  host:     %s", task->host);
	if (task->user)
		vk_print_line(stdout, "  user:     %s", task->user);
	if (task->command)
		vk_print_line(stdout, "  command:  %s", task->command);
	if (task->vault)
		vk_print_line(stdout, "  vault:    %s (%s)", task->vault,
			      task->vault_id ? task->vault_id : "-");
}

static void print_disks(const VkTaskGuest *guest)
{
	g_autoptr(VkTable) table =
		vk_table_new("    DISK", "MODE", "SIZE", "READ", "NEW", "STORED", "REASON", NULL);
	gboolean is_saved = FALSE;

	for (guint i = 0; i < guest->disks->len; i++) {
		const VkTaskDisk *disk = g_ptr_array_index(guest->disks, i);
		g_autofree char *target = g_strdup_printf("    %s", disk->target);
		g_autofree char *size = vk_size_text(disk->size);
		g_autofree char *read = vk_size_text(disk->read);
		g_autofree char *fresh = vk_size_text(disk->fresh);
		g_autofree char *stored = vk_size_text(disk->stored);

		is_saved = is_saved || disk->mode;
		vk_table_add(table, target, disk->mode ? disk->mode : "-", size, read, fresh,
			     stored, disk->reason ? disk->reason : "-", NULL);
	}
	/* The disks of a restore have no mode, nor anything that was read. */
	if (is_saved)
		vk_table_print(table);
}

static void print_guest(const VkTaskGuest *guest)
{
	g_autofree char *pause = msec_text(guest->pause_msec);
	g_autofree char *took = vk_duration_text(guest->duration_msec * 1000);

	if (guest->error) {
		vk_print_line(stdout, "  %s: failed: %s", guest->name, guest->error);
		return;
	}
	if (guest->grade)
		vk_print_line(stdout, "  %s@%s: %s, %s%s, took %s", guest->name,
			      guest->time ? guest->time : "?", guest->grade,
			      guest->pause_msec > 0 ? "paused for " : "not paused",
			      guest->pause_msec > 0 ? pause : "", took);
	else
		vk_print_line(stdout, "  %s%s%s", guest->name, guest->time ? "@" : "",
			      guest->time ? guest->time : "");
	print_disks(guest);
}

static void print_messages(const VkTask *task)
{
	if (task->messages->len > 0)
		vk_print_line(stdout, "Messages:");
	for (guint i = 0; i < task->messages->len; i++) {
		const VkTaskMessage *message = g_ptr_array_index(task->messages, i);
		g_autofree char *said = moment_text(message->said, "%H:%M:%S");

		vk_print_line(stdout, "  %s %s: %s", said, message->is_error ? "error" : "warning",
			      message->text);
	}
	if (task->n_messages > task->messages->len)
		vk_print_line(stdout, "  and %u more", task->n_messages - task->messages->len);
}

void vk_log_print_task(const VkTask *task)
{
	print_head(task);
	if (task->guests->len > 0)
		vk_print_line(stdout, "Guests:");
	for (guint i = 0; i < task->guests->len; i++)
		print_guest(g_ptr_array_index(task->guests, i));
	print_messages(task);
}
