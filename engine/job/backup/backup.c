/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup.h"

#include "array-drivers.h"
#include "backup-event.h"
#include "backup-guest.h"
#include "cohort.h"
#include "discover.h"
#include "errors.h"
#include "event.h"
#include "host.h"
#include "log.h"
#include "interrupt.h"

typedef struct {
	VkBackupContext context;
	const char *uri;
	VkBackupDone done;
	gpointer data;
	VkRateLimit limit; /* these four while tasks run: the context's */
	VkSemaphore semaphore, group_semaphore;
	gint same_fs_warned;
	guint tasks;            /* guests to be tried */
	GMutex mutex;           /* guards what follows, and the calls of DONE */
	VkHost *unused;         /* the run's own connection, once it needs none any more */
	guint ended;            /* of the tasks */
	VkBackupResult *result; /* its arrays */
} Run;

/* A guest to be backed up. */
typedef struct {
	Run *run;
	char *name, *uuid;
	const VkCohort *cohort; /* nullable */
	gboolean hooks_ran;     /* those of a failed try */
} Task;

static void task_free(Task *task)
{
	g_free(task->name);
	g_free(task->uuid);
	g_free(task);
}

static void failure_free(VkBackupFailure *failure)
{
	g_free(failure->guest);
	g_clear_error(&failure->error);
	g_free(failure);
}

static VkBackupResult *result_new(void)
{
	VkBackupResult *result = g_new0(VkBackupResult, 1);

	result->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_free);
	result->failed = g_ptr_array_new_with_free_func((GDestroyNotify)failure_free);
	return result;
}

void vk_backup_result_free(VkBackupResult *result)
{
	if (!result)
		return;
	g_ptr_array_unref(result->snapshots);
	g_ptr_array_unref(result->failed);
	g_clear_pointer(&result->left_out, g_ptr_array_unref);
	g_free(result);
}

/* Takes TROUBLE over. */
static void add_failure(Run *run, const char *guest, gboolean hooks_ran, GError *trouble)
{
	VkBackupFailure *failure = g_new0(VkBackupFailure, 1);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&run->mutex);

	failure->guest = g_strdup(guest);
	failure->error = trouble;
	failure->hooks_ran = hooks_ran;
	g_ptr_array_add(run->result->failed, failure);
}

static VkHost *connect_host(const Run *run, GError **error)
{
	return vk_host_open_retrying(run->uri, run->context.options->retries, error);
}

/*
 * Each try has a connection of its own: libvirtd serves only a few calls of one at once, and a
 * group's guests must not wait for each other's agents. The first one has the run's.
 */
static VkHost *connect_try(Run *run, GError **error)
{
	VkHost *host;

	g_mutex_lock(&run->mutex);
	host = g_steal_pointer(&run->unused);
	g_mutex_unlock(&run->mutex);
	return host ? host : connect_host(run, error);
}

static VkSnapshot *try_once(Task *task, VkBackupTry *try, GError **error)
{
	Run *run = task->run;
	g_autoptr(VkHost) host = connect_try(run, error);
	g_autoptr(VkGuest) guest = host ? vk_host_find(host, task->uuid, error) : NULL;
	VkSnapshot *snapshot = NULL;

	try->host = host;
	try->guest = guest;
	if (guest)
		snapshot = vk_backup_guest(&run->context, try, error);
	else if (try->group)
		vk_group_leave(try->group);
	task->hooks_ran = task->hooks_ran || try->hooks_ran;
	vk_progress_await(run->context.progress, -(int)try->awaited);
	if (try->release_error)
		add_failure(run, task->name, try->hooks_ran, g_steal_pointer(&try->release_error));
	if (try->not_replicated)
		add_failure(run, task->name, try->hooks_ran, g_steal_pointer(&try->not_replicated));
	return snapshot;
}

/*
 * A second try is worth while for a guest that was started, stopped or migrated in mid-backup, in
 * its new state; and where bitmaps or checkpoints may be to blame, without them. It is not at the
 * instant of the guest's group any more.
 */
static VkSnapshot *try_guest(Task *task, GError **error)
{
	g_auto(VkBackupTry) first = {.awaited = 1};
	g_auto(VkBackupTry) second = {0};
	g_autoptr(GError) trouble = NULL;
	VkSnapshot *snapshot;
	gboolean changed;

	if (task->cohort) {
		first.group = task->cohort->group;
		first.set = task->cohort->set;
	}
	snapshot = try_once(task, &first, &trouble);
	changed = g_error_matches(trouble, VK_ERROR, VK_ERROR_CHANGED);
	if (snapshot)
		return snapshot;
	if (vk_interrupted() || !(changed || first.tracking_trouble) ||
	    (task->cohort && task->run->context.options->strict)) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return NULL;
	}
	vk_log_warning("%s; starting over with it%s%s", trouble->message,
		       task->cohort ? ", alone" : "", changed ? "" : ", without dirty bitmaps");
	if (!changed)
		second.no_tracking = first.tracking_trouble;
	snapshot = try_once(task, &second, error);
	if (!snapshot)
		g_prefix_error(error, "%s, and then: ", trouble->message);
	return snapshot;
}

/* The caller reports the interruption of the run, so this error adds nothing. */
static gboolean is_plain_interruption(const GError *trouble)
{
	g_autoptr(GError) plain = NULL;

	vk_fail_interrupted(&plain);
	return vk_interrupted() && g_strcmp0(trouble->message, plain->message) == 0;
}

/* A guest has its name on the progress line, several have their number. */
static void label_progress_locked(Run *run)
{
	g_autofree char *label = NULL;

	vk_progress_set_guests(run->context.progress, run->ended, run->tasks);
	if (run->tasks == 1)
		return;
	label = g_strdup_printf("%u of %u guests done", run->ended, run->tasks);
	vk_progress_set_label(run->context.progress, label);
}

static void end_task(Task *task)
{
	Run *run = task->run;

	g_mutex_lock(&run->mutex);
	run->ended++;
	label_progress_locked(run);
	g_mutex_unlock(&run->mutex);
	task_free(task);
}

/* A task of the pool. */
static void back_up(gpointer data, gpointer user)
{
	Task *task = data;
	Run *run = task->run;
	GError *trouble = NULL;
	VkSnapshot *snapshot;

	vk_event_set_subject(task->name, NULL);
	if (vk_interrupted())
		vk_fail_interrupted(&trouble);
	snapshot = trouble ? NULL : try_guest(task, &trouble);
	if (snapshot) {
		g_mutex_lock(&run->mutex);
		g_ptr_array_add(run->result->snapshots, snapshot);
		if (run->done)
			run->done(snapshot, run->data);
		g_mutex_unlock(&run->mutex);
		vk_backup_tell_saved(snapshot);
	} else {
		vk_backup_tell_failed(task->name, trouble,
				      !run->result->alone && !is_plain_interruption(trouble));
		add_failure(run, task->name, task->hooks_ran, trouble);
	}
	vk_event_set_subject(NULL, NULL);
	end_task(task);
}

static Task *new_task(Run *run, const VkGuest *guest)
{
	Task *task = g_new0(Task, 1);

	task->run = run;
	task->name = g_strdup(vk_guest_name(guest));
	task->uuid = g_strdup(vk_guest_uuid(guest));
	return task;
}

/* The missing ones have failed. */
static GPtrArray *new_tasks(Run *run, VkHost *host, char *const *names, GError **error)
{
	const VkBackupOptions *options = run->context.options;
	const VkSelectionWords words = {
		.names = names, .tags = options->tags, .exclude = options->exclude};
	g_autoptr(VkSelection) selection = vk_select_guests(host, options->settings, &words, error);
	VkBackupResult *result = run->result;
	GPtrArray *tasks;

	if (!selection)
		return NULL;
	tasks = g_ptr_array_new();
	result->guests = selection->guests->len + selection->unknown->len;
	result->alone = selection->alone;
	result->left_out = g_ptr_array_ref(selection->left_out);
	for (guint i = 0; i < selection->guests->len; i++)
		g_ptr_array_add(tasks, new_task(run, g_ptr_array_index(selection->guests, i)));
	for (guint i = 0; i < selection->unknown->len; i++) {
		VkUnknownGuest *unknown = g_ptr_array_index(selection->unknown, i);

		vk_backup_tell_failed(unknown->name, unknown->error, !result->alone);
		add_failure(run, unknown->name, FALSE, g_steal_pointer(&unknown->error));
	}
	for (guint i = 0; i < result->left_out->len; i++) {
		const VkLeftOut *left_out = g_ptr_array_index(result->left_out, i);

		vk_log_info("guest '%s' is left out: %s", left_out->guest, left_out->reason);
	}
	return tasks;
}

static guint count_number(const GArray *numbers, guint number)
{
	guint count = 0;

	for (guint i = 0; i < numbers->len; i++)
		count += g_array_index(numbers, guint, i) == number;
	return count;
}

/* Tasks with the same number belong together, a task with 0 is alone. */
static GArray *number_tasks(Run *run, VkHost *host, const GPtrArray *tasks)
{
	const VkBackupOptions *options = run->context.options;
	g_autoptr(GPtrArray) uuids = g_ptr_array_new();
	GArray *numbers;

	for (guint i = 0; i < tasks->len; i++)
		g_ptr_array_add(uuids, ((Task *)g_ptr_array_index(tasks, i))->uuid);
	if (!options->group)
		return vk_cohorts_find(run->context.arrays, host, options, uuids);
	numbers = g_array_new(FALSE, FALSE, sizeof(guint));
	for (guint i = 0, one = 1; i < tasks->len; i++)
		g_array_append_val(numbers, one);
	return numbers;
}

/*
 * One of all guests if a group was asked for, else one for each set of guests that share volumes.
 * Returns VkCohort*.
 */
static GPtrArray *form_cohorts(Run *run, VkHost *host, const GPtrArray *tasks)
{
	const VkBackupContext *context = &run->context;
	const VkBackupOptions *options = context->options;
	GPtrArray *cohorts = g_ptr_array_new_with_free_func((GDestroyNotify)vk_cohort_free);
	g_autoptr(GHashTable) by_number = g_hash_table_new(g_direct_hash, g_direct_equal);
	g_autoptr(GArray) numbers = number_tasks(run, host, tasks);

	for (guint i = 0; i < tasks->len; i++) {
		gpointer number = GUINT_TO_POINTER(g_array_index(numbers, guint, i));
		VkCohort *cohort = g_hash_table_lookup(by_number, number);

		if (!number)
			continue;
		if (!cohort) {
			cohort = vk_cohort_new(context->arrays, context->vault, options->label,
					       count_number(numbers, GPOINTER_TO_UINT(number)));
			g_hash_table_insert(by_number, number, cohort);
			g_ptr_array_add(cohorts, cohort);
		}
		((Task *)g_ptr_array_index(tasks, i))->cohort = cohort;
	}
	return cohorts;
}

/* Takes HOST over. */
static void run_tasks(Run *run, VkHost *host, const GPtrArray *tasks)
{
	const VkBackupOptions *options = run->context.options;
	guint at_once = MIN(MAX(options->parallel, 1), tasks->len);
	g_autoptr(GPtrArray) cohorts = form_cohorts(run, host, tasks);
	/* The guests of a cohort must come to their instant together. */
	guint threads = cohorts->len > 0 ? tasks->len : at_once;
	guint workers = options->workers ? options->workers : g_get_num_processors();
	GThreadPool *pool;

	vk_rate_limit_init(&run->limit, options->bytes_per_sec);
	run->context.limit = &run->limit;
	vk_semaphore_init(&run->semaphore, at_once);
	vk_semaphore_init(&run->group_semaphore, at_once);
	run->context.semaphore = &run->semaphore;
	run->context.group_semaphore = &run->group_semaphore;
	run->context.same_fs_warned = &run->same_fs_warned;
	run->context.workers = (workers + at_once - 1) / at_once;
	run->unused = host;
	pool = g_thread_pool_new(back_up, NULL, (int)threads, TRUE, NULL);
	for (guint i = 0; i < tasks->len; i++)
		g_thread_pool_push(pool, g_ptr_array_index(tasks, i), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
	g_clear_pointer(&run->unused, vk_host_free);
	vk_semaphore_clear(&run->semaphore);
	vk_semaphore_clear(&run->group_semaphore);
	vk_rate_limit_clear(&run->limit);
}

static gboolean run_guests(Run *run, char *const *names, GError **error)
{
	const VkBackupOptions *options = run->context.options;
	g_autoptr(VkHost) host = connect_host(run, error);
	g_autoptr(VkArrays) arrays = NULL;
	g_autoptr(VkGuard) guard = NULL;
	g_autoptr(VkProgress) progress = NULL;
	g_autoptr(GPtrArray) tasks = NULL;

	if (!host || !vk_discover_check_local(vk_host_uri(host), error))
		return FALSE;
	tasks = new_tasks(run, host, names, error);
	if (!tasks)
		return FALSE;
	if (tasks->len == 0)
		return TRUE;
	guard = vk_guard_start(run->uri, options->agent_timeout_sec, error);
	if (!guard)
		return FALSE;
	arrays = vk_arrays_new(options->settings, vk_log_warning, error);
	if (!arrays)
		return FALSE;
	run->tasks = tasks->len;
	progress = vk_progress_new(((Task *)g_ptr_array_index(tasks, 0))->name, 0);
	run->context.arrays = arrays;
	run->context.guard = guard;
	run->context.progress = progress;
	label_progress_locked(run);
	vk_progress_await(progress, (int)tasks->len);
	run_tasks(run, g_steal_pointer(&host), tasks);
	return TRUE;
}

VkBackupResult *vk_backup_run(VkVault *vault, const char *uri, char *const *names,
			      const VkBackupOptions *options, VkBackupDone done, gpointer data,
			      GError **error)
{
	g_autoptr(VkBackupResult) result = result_new();
	Run run = {
		.context = {.vault = vault, .vault_url = vk_vault_url(vault), .options = options},
		.uri = uri,
		.done = done,
		.data = data,
		.result = result,
	};
	gboolean tried;

	g_mutex_init(&run.mutex);
	tried = run_guests(&run, names, error);
	g_mutex_clear(&run.mutex);
	return tried ? g_steal_pointer(&result) : NULL;
}
