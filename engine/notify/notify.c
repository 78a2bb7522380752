/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "notify.h"

#include "errors.h"
#include "interrupt.h"
#include "io.h"
#include "log.h"
#include "spool.h"
#include "target.h"
#include "text.h"

#include <unistd.h>

/* Of all that a task sends, and of what a person waits for. */
#define TASK_USEC   ((gint64)15 * G_USEC_PER_SEC)
#define PERSON_USEC ((gint64)60 * G_USEC_PER_SEC)
/* A silent target leaves time for the others. */
#define TARGET_USEC ((gint64)8 * G_USEC_PER_SEC)
/* Nobody has the lock for long. */
#define LOCK_USEC ((gint64)5 * G_USEC_PER_SEC)

/* Sending while it goes on. */
typedef struct Sending {
	const VkSettings *settings;
	gint64 deadline;
	GHashTable *silent; /* targets that did not take one */
} Sending;

static gint64 now_sec(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static gint64 deadline_of(const Sending *sending)
{
	return MIN(sending->deadline, g_get_monotonic_time() + TARGET_USEC);
}

static gboolean is_over(const Sending *sending)
{
	return g_get_monotonic_time() >= sending->deadline;
}

static VkSpool *open_spool(const VkSettings *settings, GError **error)
{
	return vk_spool_open(vk_settings_get(settings, "notify", "spool_dir"), error);
}

static gboolean is_section(const VkSettings *settings, const char *name)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "notify");

	return g_strv_contains((const char *const *)names, name);
}

/* Errors name the section. */
static VkTarget *new_target(const VkSettings *settings, const char *name, GError **error)
{
	VkTarget *target = vk_target_new(settings, name, error);

	if (!target)
		g_prefix_error(error, "[notify %s] ", name);
	return target;
}

/* What is for a target that is gone, or that cannot be used any more, waits until it is too old. */
static gboolean send_kept(const char *name, const VkNotice *notice, gpointer data)
{
	const Sending *sending = data;
	g_autoptr(VkTarget) target = NULL;
	g_autoptr(GError) trouble = NULL;

	if (is_over(sending) || g_hash_table_contains(sending->silent, name))
		return FALSE;
	if (is_section(sending->settings, name))
		target = new_target(sending->settings, name, &trouble);
	if (target && vk_target_send(target, notice, deadline_of(sending), &trouble))
		return TRUE;
	if (trouble)
		vk_log_warning("%s; it is kept", trouble->message);
	return FALSE;
}

static void flush(VkSpool *spool, Sending *sending)
{
	guint lost = vk_spool_flush(spool, now_sec(), send_kept, sending);
	g_autofree char *notices = vk_count_text(lost, "notice");

	if (lost > 0)
		vk_log_warning("%s could not be sent for a week: given up", notices);
}

/* A notice that is to be sent now. */
typedef struct Outgoing {
	VkTarget *target;
	VkNotice *notice;
	char *name;   /* in the spool; NULL: it is not there */
	GError *full; /* why it could not be kept; nullable */
} Outgoing;

static void outgoing_free(gpointer data)
{
	Outgoing *outgoing = data;

	vk_target_free(outgoing->target);
	vk_notice_free(outgoing->notice);
	g_free(outgoing->name);
	g_clear_error(&outgoing->full);
	g_free(outgoing);
}

/*
 * What the target NAME is to hear of TASK; NULL: nothing. It is kept before it is sent: if this
 * process does not come to its end another one sends it. A ping is not, because one that comes late
 * would say that all is well now.
 */
static Outgoing *new_outgoing(VkSpool *spool, const VkSettings *settings, const char *name,
			      const VkTask *task)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkTarget) target = new_target(settings, name, &trouble);
	g_autoptr(VkNotice) notice = vk_notice_new(task);
	gboolean is_ping, is_news;
	Outgoing *outgoing;

	if (!target) {
		vk_log_warning("%s", trouble->message);
		return NULL;
	}
	is_ping = vk_target_is_ping(target);
	is_news = !spool || vk_spool_is_news(spool, name, notice, now_sec());
	if (!vk_target_wants(target, notice) || (!is_news && !is_ping))
		return NULL;
	outgoing = g_new0(Outgoing, 1);
	if (spool && !is_ping)
		outgoing->name = vk_spool_put(spool, name, notice, now_sec(), &outgoing->full);
	outgoing->target = g_steal_pointer(&target);
	outgoing->notice = g_steal_pointer(&notice);
	return outgoing;
}

/* Outgoing of all targets. SPOOL is nullable. */
static GPtrArray *collect(VkSpool *spool, const VkSettings *settings, char **names,
			  const VkTask *task)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(outgoing_free);
	g_autoptr(GError) trouble = NULL;

	/* Rather told once more than not at all. */
	if (spool && !vk_spool_lock(spool, LOCK_USEC, &trouble))
		vk_log_warning("what was told before may be told again: %s", trouble->message);
	for (char **name = names; *name; name++) {
		Outgoing *outgoing = new_outgoing(spool, settings, *name, task);

		if (outgoing)
			g_ptr_array_add(all, outgoing);
	}
	if (spool)
		vk_spool_unlock(spool);
	return all;
}

static void warn(const Outgoing *outgoing, const GError *trouble)
{
	if (outgoing->full)
		vk_log_warning("%s; it is lost: %s", trouble->message, outgoing->full->message);
	else
		vk_log_warning("%s%s", trouble->message,
			       outgoing->name ? "; it is sent with the next run, or by 'virtkeep "
						"notify flush'"
					      : "");
}

static void tell(const VkSpool *spool, const Outgoing *outgoing, Sending *sending)
{
	const char *name = vk_target_name(outgoing->target);
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD claim = -1;

	if (outgoing->name) {
		claim = vk_spool_claim(spool, outgoing->name);
		/* Another process has found it. */
		if (claim < 0)
			return;
	}
	if (is_over(sending))
		vk_fail(&trouble, VK_ERROR_FAILED, "notice to '%s': there was no time left", name);
	if (!trouble &&
	    vk_target_send(outgoing->target, outgoing->notice, deadline_of(sending), &trouble)) {
		if (outgoing->name)
			vk_spool_drop(spool, outgoing->name);
		return;
	}
	g_hash_table_add(sending->silent, g_strdup(name));
	warn(outgoing, trouble);
}

/* A task that begins. */
typedef struct Beginning {
	const VkSettings *settings;
	char *kind;
} Beginning;

static GThread *beginning; /* nullable */

/* A ping that fails here is said when the next one fails, too. */
static gpointer tell_beginning(gpointer data)
{
	Beginning *begun = data;
	g_auto(GStrv) names = vk_settings_get_names(begun->settings, "notify");
	g_autoptr(VkNotice) notice = vk_notice_new_start(begun->kind);
	gint64 deadline = g_get_monotonic_time() + TARGET_USEC;

	for (char **name = names; *name; name++) {
		g_autoptr(GError) trouble = NULL;
		g_autoptr(VkTarget) target = vk_target_new(begun->settings, *name, NULL);

		if (target && vk_target_wants(target, notice) &&
		    !vk_target_send(target, notice, deadline, &trouble))
			vk_log_debug("%s", trouble->message);
	}
	g_free(begun->kind);
	g_free(begun);
	return NULL;
}

void vk_notify_begin(const VkSettings *settings, const char *kind)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "notify");
	Beginning *begun;

	if (!names[0] || isatty(STDERR_FILENO))
		return;
	begun = g_new0(Beginning, 1);
	begun->settings = settings;
	begun->kind = g_strdup(kind);
	beginning = g_thread_new("notify", tell_beginning, begun);
}

void vk_notify_task(const VkTask *task, const VkSettings *settings)
{
	g_auto(GStrv) names = vk_settings_get_names(settings, "notify");
	g_autoptr(GHashTable) silent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Sending sending = {.settings = settings, .silent = silent};
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSpool) spool = NULL;
	g_autoptr(GPtrArray) outgoing = NULL;

	if (beginning)
		g_thread_join(g_steal_pointer(&beginning));
	if (!names[0] || isatty(STDERR_FILENO))
		return;
	/* The host may be shutting down: the next run sends it. */
	sending.deadline = g_get_monotonic_time() + (vk_interrupted() ? 0 : TASK_USEC);
	spool = open_spool(settings, &trouble);
	if (!spool)
		vk_log_warning("notices that cannot be sent now are lost: %s", trouble->message);
	outgoing = collect(spool, settings, names, task);
	for (guint i = 0; i < outgoing->len; i++)
		tell(spool, g_ptr_array_index(outgoing, i), &sending);
	if (spool)
		flush(spool, &sending);
}

gboolean vk_notify_test(const VkSettings *settings, const char *name, GError **error)
{
	g_autoptr(VkTarget) target = NULL;
	g_autoptr(VkNotice) notice = vk_notice_new_test(name);

	if (!is_section(settings, name))
		return vk_fail(error, VK_ERROR_NOT_FOUND, "there is no section [notify %s] in '%s'",
			       name, vk_settings_path(settings));
	target = new_target(settings, name, error);
	return target &&
	       vk_target_send(target, notice, g_get_monotonic_time() + PERSON_USEC, error);
}

gboolean vk_notify_flush(const VkSettings *settings, guint *ret_kept, GError **error)
{
	g_autoptr(GHashTable) silent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Sending sending = {.settings = settings,
			   .deadline = g_get_monotonic_time() + PERSON_USEC,
			   .silent = silent};
	g_autoptr(VkSpool) spool = open_spool(settings, error);

	if (!spool)
		return FALSE;
	flush(spool, &sending);
	*ret_kept = vk_spool_count(spool);
	return TRUE;
}

/* While it works, such a name is only one that never comes: the others are told of. */
static gboolean check_commands(const VkSettings *settings, const char *name, GError **error)
{
	g_autofree char *section = g_strdup_printf("notify %s", name);
	g_auto(GStrv) commands = vk_settings_get_words(settings, section, "commands");
	g_autoptr(GString) known = g_string_new(NULL);

	for (const char *const *kind = vk_task_kinds; *kind; kind++)
		g_string_append_printf(known, " %s", *kind);
	for (char **command = commands; *command; command++)
		if (!g_strv_contains(vk_task_kinds, *command))
			return vk_fail(error, VK_ERROR_USAGE,
				       "commands: nobody is told of '%s': choose from%s", *command,
				       known->str);
	return TRUE;
}

gboolean vk_notify_check(const VkSettings *settings, const char *name, GError **error)
{
	g_autoptr(VkTarget) target = vk_target_new(settings, name, error);

	return target && check_commands(settings, name, error);
}
