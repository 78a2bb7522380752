/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-job.h"

#include "backup-names-priv.h"
#include "backup-scratch-priv.h"
#include "domain.h"
#include "errors.h"
#include "guest-backup.h"
#include "guest-checkpoints.h"
#include "polling.h"
#include "source-nbd.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/un.h>

/* libvirtd may be restarting while we want to end the job. */
#define RECONNECT_TIMEOUT_SEC 30

/* QEMU reaches its files through these directories as a user of its own. */
#define DIRECTORY_MODE 0711

struct VkBackupJob {
	VkGuest *guest; /* borrowed */
	char *socket;
	char *xml;
	char *bitmap;         /* the name under which changes are offered */
	GPtrArray *targets;   /* char*: the disks */
	GHashTable *changes;  /* set of char*: the disks whose changes are offered */
	char *checkpoint;     /* to be made, or NULL */
	char *checkpoint_xml; /* what makes it */
	char *scratch_dir;
	GPtrArray *scratch; /* char*: paths */
	VkGuard *guard;     /* nullable */
	VkScratchWatch *watch;
	guint64 scratch_used; /* bytes */
	gboolean begun;
	gboolean failed;      /* to begin, as far as we know */
	gboolean is_unsure;   /* and the answer was lost with the connection */
	gboolean was_stopped; /* by a full disk, before we came */
};

/* With its parents. The umask does not count: it often lets no other user through. */
static gboolean make_directory(const char *path, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);

	if (g_file_test(path, G_FILE_TEST_IS_DIR))
		return TRUE;
	if (!g_str_equal(parent, path) && !make_directory(parent, error))
		return FALSE;
	if ((g_mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST) ||
	    g_chmod(path, DIRECTORY_MODE) < 0)
		return vk_fail_errno(error, errno, "cannot make the directory '%s'", path);
	return TRUE;
}

static gboolean choose_socket(VkBackupJob *job, const VkBackupJobPaths *paths, GError **error)
{
	const gsize max = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	g_autofree char *directory = NULL;

	if (!vk_backup_socket_directory(job->guest, &directory, error))
		return FALSE;
	if (directory)
		job->socket = vk_backup_own_socket(directory);
	if (job->socket && strlen(job->socket) < max)
		return TRUE;
	g_free(job->socket);
	job->socket = vk_backup_run_socket(paths->run_dir, vk_guest_uuid(job->guest));
	if (strlen(job->socket) >= max)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"the directory name '%s' is too long for a socket; use a shorter one",
			paths->run_dir);
	return make_directory(paths->run_dir, error);
}

static gboolean check_disks(VkBackupJob *job, const VkDomain *domain, const GArray *disks,
			    GError **error)
{
	for (guint i = 0; i < disks->len; i++) {
		const VkBackupJobDisk *disk = &g_array_index(disks, VkBackupJobDisk, i);

		if (!vk_domain_find_disk(domain, disk->target))
			return vk_fail(error, VK_ERROR_CHANGED, "guest '%s' has no disk '%s'",
				       vk_guest_name(job->guest), disk->target);
		g_ptr_array_add(job->targets, g_strdup(disk->target));
		g_ptr_array_add(job->scratch,
				vk_backup_scratch_path(job->scratch_dir, vk_guest_uuid(job->guest),
						       disk->target));
		if (disk->incremental)
			g_hash_table_add(job->changes, g_strdup(disk->target));
	}
	return TRUE;
}

static gboolean is_tracking(const VkBackupJobPlan *plan)
{
	for (guint i = 0; plan->checkpoint && i < plan->disks->len; i++) {
		if (g_array_index(plan->disks, VkBackupJobDisk, i).track)
			return TRUE;
	}
	return FALSE;
}

static gboolean build_xml(VkBackupJob *job, const VkBackupJobPlan *plan, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(job->guest, error);
	g_autoptr(VkDomain) domain = NULL;
	const VkBackupXml xml = {.disks = plan->disks,
				 .scratch = job->scratch,
				 .base = plan->base,
				 .bitmap = job->bitmap,
				 .socket = job->socket};

	if (!facts)
		return FALSE;
	if (!facts->live_xml)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "guest '%s' was shut off, or has left this host; try again",
			       vk_guest_name(job->guest));
	domain = vk_domain_parse(facts->live_xml, error);
	if (!domain || !check_disks(job, domain, plan->disks, error))
		return FALSE;
	job->xml = vk_backup_build_xml(domain, &xml, error);
	if (is_tracking(plan)) {
		job->checkpoint = g_strdup(plan->checkpoint);
		job->checkpoint_xml = vk_backup_build_checkpoint_xml(domain, plan->disks,
								     plan->checkpoint, error);
	}
	return job->xml && (!job->checkpoint || job->checkpoint_xml);
}

VkBackupJob *vk_backup_job_prepare(VkGuest *guest, const VkBackupJobPlan *plan,
				   const VkBackupJobPaths *paths, GError **error)
{
	g_autoptr(VkBackupJob) job = g_new0(VkBackupJob, 1);

	job->guest = guest;
	job->guard = plan->guard;
	job->changes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	job->scratch = g_ptr_array_new_with_free_func(g_free);
	job->targets = g_ptr_array_new_with_free_func(g_free);
	job->bitmap = vk_backup_bitmap_name();
	job->scratch_dir = g_canonicalize_filename(paths->scratch_dir, NULL);
	if (!make_directory(job->scratch_dir, error) ||
	    !vk_scratch_check(guest, job->scratch_dir, error) ||
	    !choose_socket(job, paths, error) || !build_xml(job, plan, error))
		return NULL;
	job->was_stopped = vk_backup_has_stopped_guest(guest);
	return g_steal_pointer(&job);
}

static void remove_files(VkBackupJob *job)
{
	for (guint i = 0; i < job->scratch->len; i++)
		g_unlink(g_ptr_array_index(job->scratch, i));
	g_unlink(job->socket);
}

/* Whether no job may begin any more. *QUIET_SINCE is 0 at first. */
static gboolean is_settled(const VkBackupJob *job, gint64 *quiet_since)
{
	gboolean is_beginning = job->is_unsure && vk_backup_is_beginning(job->guest);
	gint64 now = g_get_monotonic_time();

	if (is_beginning)
		*quiet_since = 0;
	else if (*quiet_since == 0)
		*quiet_since = now;
	return !job->is_unsure || (!is_beginning && now - *quiet_since >= VK_BACKUP_SETTLE_USEC);
}

/* After a loss of the connection the job may run or not, or be about to. */
static gboolean find_own(VkBackupJob *job, gboolean *ret_running, GError **error)
{
	gint64 deadline = vk_deadline(RECONNECT_TIMEOUT_SEC), quiet_since = 0;
	guint pause = 0;

	for (;;) {
		g_autoptr(GError) cause = NULL;
		g_autofree char *socket = NULL;

		if (vk_backup_running(job->guest, &socket, &cause)) {
			*ret_running = g_strcmp0(socket, job->socket) == 0;
			/* Another program's job proves that ours does not run. */
			if (socket || is_settled(job, &quiet_since))
				return TRUE;
		}
		if (vk_deadline_passed(deadline))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the backup job of guest '%s' may still run; the guard ends "
				       "it, or the next backup: %s",
				       vk_guest_name(job->guest),
				       cause ? cause->message
					     : "QEMU does not answer, or has another job");
		vk_poll_pause(&pause);
	}
}

/* FALSE when a state of the guest explains why its job did not begin; the error says it. */
static gboolean check_may_begin(VkBackupJob *job, GError **error)
{
	VkGuestState state = VK_GUEST_OTHER;

	if (vk_guest_get_state(job->guest, &state, NULL) && state == VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "guest '%s' was shut off, or has left this host; try again",
			       vk_guest_name(job->guest));
	for (guint i = 0; !job->is_unsure && i < job->targets->len; i++)
		if (!vk_guest_check_block_job(job->guest, g_ptr_array_index(job->targets, i),
					      error))
			return FALSE;
	return TRUE;
}

gboolean vk_backup_job_begin(VkBackupJob *job, GError **error)
{
	g_autoptr(GError) cause = NULL;
	gboolean refused = FALSE;

	if (!vk_guest_look_up(job->guest, error) ||
	    (job->guard && !vk_guard_job(job->guard, job->guest, job->socket, job->scratch,
					 job->was_stopped, error)))
		return FALSE;
	job->begun = TRUE; /* even a failure may be a success with its answer lost */
	job->watch =
		vk_scratch_watch_start(job->guest, job->scratch_dir, job->socket, job->was_stopped);
	if (vk_backup_begin(job->guest, job->xml, job->checkpoint_xml, &refused, &cause))
		return TRUE;
	job->failed = TRUE;
	job->is_unsure = !refused;
	if (check_may_begin(job, error))
		g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean vk_backup_job_was_refused(const VkBackupJob *job)
{
	return job->failed && !job->is_unsure;
}

char *vk_backup_job_checkpoint_xml(VkBackupJob *job, GError **error)
{
	return job->checkpoint ? vk_checkpoint_get_xml(job->guest, job->checkpoint, error) : NULL;
}

VkSource *vk_backup_job_source(VkBackupJob *job, const char *target, GError **error)
{
	const char *bitmap = g_hash_table_contains(job->changes, target) ? job->bitmap : NULL;
	VkSource *source = vk_source_nbd_new(job->socket, target, bitmap, error);

	if (!source)
		g_prefix_error(error, "guest '%s': ", vk_guest_name(job->guest));
	return source;
}

gboolean vk_backup_job_end(VkBackupJob *job, GError **error)
{
	gboolean running = FALSE, aborted = FALSE, enough_room;

	if (!job->begun)
		return TRUE;
	job->begun = FALSE;
	enough_room =
		vk_scratch_watch_stop(g_steal_pointer(&job->watch), &job->scratch_used, error);
	if (!enough_room)
		error = NULL; /* the reason for all that follows */
	if (!find_own(job, &running, error))
		return FALSE;
	if (running && !vk_backup_abort(job->guest, &aborted, error))
		return FALSE;
	remove_files(job);
	if (job->guard)
		vk_guard_job_ended(job->guard, job->guest);
	/*
	 * The checkpoint of a job that failed may exist. What cannot be removed now is removed with
	 * the vault's other old ones.
	 */
	if (job->failed && job->checkpoint)
		vk_checkpoint_delete(job->guest, job->checkpoint, NULL);
	if (!job->was_stopped && !vk_backup_resume_guest(job->guest, error))
		return FALSE;
	if (!aborted && !job->failed)
		return vk_fail(error, VK_ERROR_CHANGED,
			       "the backup job of guest '%s' ended before its time: the guest was "
			       "stopped, or somebody ended the job; try again",
			       vk_guest_name(job->guest));
	return enough_room;
}

guint64 vk_backup_job_scratch(const VkBackupJob *job)
{
	return job->scratch_used;
}

void vk_backup_job_free(VkBackupJob *job)
{
	if (!job)
		return;
	vk_backup_job_end(job, NULL);
	g_free(job->scratch_dir);
	g_ptr_array_unref(job->scratch);
	g_ptr_array_unref(job->targets);
	g_hash_table_unref(job->changes);
	g_free(job->bitmap);
	g_free(job->checkpoint);
	g_free(job->checkpoint_xml);
	g_free(job->socket);
	g_free(job->xml);
	g_free(job);
}
