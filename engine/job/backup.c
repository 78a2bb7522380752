/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup.h"

#include "backupguest.h"

#include "discover.h"
#include "errors.h"
#include "host.h"
#include "log.h"
#include "program.h"
#include "session.h"

typedef struct {
	VkBackupContext context;
	VkHost *host; /* opened anew when libvirt was restarted between guests */
	const char *uri;
	VkBackupResult *result;
	GHashTable *seen; /* uuids of guests at work or done */
	VkBackupDone done;
	gpointer data;
	gboolean alone; /* one guest was named: its failure is the caller's to tell */
} Run;

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
	g_free(result);
}

/* Takes TROUBLE over. */
static void add_failure(Run *run, const char *guest, GError *trouble)
{
	VkBackupFailure *failure = g_new0(VkBackupFailure, 1);

	failure->guest = g_strdup(guest);
	failure->error = trouble;
	g_ptr_array_add(run->result->failed, failure);
}

/* The paths and sockets of another machine would be taken for ones of this. */
static gboolean check_local(const VkHost *host, GError **error)
{
	if (vk_discover_is_local(vk_host_uri(host)))
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is another machine's libvirt: a backup runs on the machine of its "
		       "guests; run virtkeep there",
		       vk_host_uri(host));
}

static gboolean connect_host(Run *run, GError **error)
{
	if (run->host && vk_host_is_alive(run->host))
		return TRUE;
	g_clear_pointer(&run->host, vk_host_free);
	run->host = vk_host_open(run->uri, error);
	run->context.host = run->host;
	return run->host && check_local(run->host, error);
}

static VkGuest *find_guest(Run *run, const char *name, GError **error)
{
	return connect_host(run, error) ? vk_host_find(run->host, name, error) : NULL;
}

/*
 * A guest that was started, stopped or migrated in mid-backup gets a second try, in its new state.
 */
static VkSnapshot *try_guest(Run *run, const char *uuid, GError **ret_held, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkGuest) again = NULL;
	g_autoptr(VkGuest) guest = find_guest(run, uuid, error);
	VkSnapshot *snapshot;

	if (!guest)
		return NULL;
	snapshot = vk_backup_guest(&run->context, guest, ret_held, &trouble);
	if (snapshot)
		return snapshot;
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_CHANGED) || vk_interrupted()) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return NULL;
	}
	vk_log_warning("%s; starting over with it", trouble->message);
	again = find_guest(run, uuid, error);
	if (!again) {
		g_prefix_error(error, "%s, and then: ", trouble->message);
		return NULL;
	}
	return vk_backup_guest(&run->context, again, ret_held, error);
}

/* That says no more than the end of the run, which its caller tells. */
static gboolean is_plain_interruption(const GError *trouble)
{
	g_autoptr(GError) plain = NULL;

	vk_fail_interrupted(&plain);
	return vk_interrupted() && g_strcmp0(trouble->message, plain->message) == 0;
}

static void back_up(Run *run, const char *name, const char *uuid)
{
	GError *held = NULL, *trouble = NULL;
	VkSnapshot *snapshot = try_guest(run, uuid, &held, &trouble);

	if (held)
		add_failure(run, name, held);
	if (snapshot) {
		g_ptr_array_add(run->result->snapshots, snapshot);
		if (run->done)
			run->done(snapshot, run->data);
		return;
	}
	if (!run->alone && !is_plain_interruption(trouble))
		vk_log_error("%s", trouble->message);
	add_failure(run, name, trouble);
}

static void back_up_named(Run *run, const char *name)
{
	GError *trouble = NULL;
	g_autoptr(VkGuest) guest = find_guest(run, name, &trouble);
	g_autofree char *known_name = NULL;
	g_autofree char *uuid = NULL;

	if (!guest) {
		run->result->guests++;
		if (!run->alone)
			vk_log_error("%s", trouble->message);
		add_failure(run, name, trouble);
		return;
	}
	uuid = g_strdup(vk_guest_uuid(guest));
	if (!g_hash_table_add(run->seen, g_strdup(uuid)))
		return;
	run->result->guests++;
	known_name = g_strdup(vk_guest_name(guest));
	/* It goes with its connection, which may be replaced. */
	g_clear_pointer(&guest, vk_guest_free);
	back_up(run, known_name, uuid);
}

/* The uuids of all guests. */
static char **list_all(Run *run, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_host_list(run->host, error);
	GStrvBuilder *uuids;
	char **result;

	if (!guests)
		return NULL;
	uuids = g_strv_builder_new();
	for (guint i = 0; i < guests->len; i++)
		g_strv_builder_add(uuids, vk_guest_uuid(g_ptr_array_index(guests, i)));
	result = g_strv_builder_end(uuids);
	g_strv_builder_unref(uuids);
	return result;
}

static gboolean run_guests(Run *run, char *const *names, GError **error)
{
	g_auto(GStrv) all = NULL;

	if (!connect_host(run, error))
		return FALSE;
	if (!names) {
		all = list_all(run, error);
		if (!all)
			return FALSE;
		names = all;
	}
	for (char *const *name = names; *name && !vk_interrupted(); name++)
		back_up_named(run, *name);
	return TRUE;
}

VkBackupResult *vk_backup_run(VkVault *vault, const char *uri, char *const *names,
			      const VkBackupOptions *options, VkBackupDone done, gpointer data,
			      GError **error)
{
	g_autoptr(VkSession) session = vk_session_new(vault, options->workers, error);
	g_autoptr(VkBackupResult) result = result_new();
	Run run = {.uri = uri, .result = result, .done = done, .data = data};
	gboolean tried;

	run.alone = names && names[0] && !names[1];

	if (!session)
		return NULL;
	run.context.vault = vault;
	run.context.session = session;
	run.context.options = options;
	run.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	tried = run_guests(&run, names, error);
	g_hash_table_unref(run.seen);
	vk_host_free(run.host);
	return tried ? g_steal_pointer(&result) : NULL;
}
