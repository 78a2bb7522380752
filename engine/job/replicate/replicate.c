/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replicate.h"

#include "replicate-plan.h"
#include "replicate-send.h"

#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "read-lease.h"

#include <string.h>

typedef struct Run {
	VkVault *from, *to;
	const VkReplicateOptions *options;
	VkReplicateResult *result;
	VkReplicaSender *sender;
} Run;

/* A guest, and what both vaults have of it. */
typedef struct Guest {
	const char *uuid, *name;
	GPtrArray *from, *to; /* VkSnapshotKey, all */
	VkReplicaNote *note;
} Guest;

static void guest_clear(Guest *guest)
{
	g_clear_pointer(&guest->from, g_ptr_array_unref);
	g_clear_pointer(&guest->to, g_ptr_array_unref);
	vk_replica_note_free(guest->note);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Guest, guest_clear)

/*
 * What the command line names: a set of ids for each guest, by its uuid; NULL stands for all of
 * them.
 */
static void free_ids(gpointer ids)
{
	if (ids)
		g_hash_table_unref(ids);
}

static GHashTable *wanted_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_ids);
}

static void want_guest(GHashTable *wanted, const char *uuid)
{
	g_hash_table_insert(wanted, g_strdup(uuid), NULL);
}

static void want_snapshot(GHashTable *wanted, const VkSnapshotKey *key)
{
	gpointer ids;

	if (!g_hash_table_lookup_extended(wanted, key->uuid, NULL, &ids)) {
		ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_insert(wanted, g_strdup(key->uuid), ids);
	}
	if (ids)
		g_hash_table_add(ids, g_strdup(key->id));
}

/* A guest whose name has an '@' is found first. */
static gboolean want(GHashTable *wanted, VkVault *vault, const GPtrArray *guests, const char *name,
		     GError **error)
{
	g_autoptr(GError) trouble = NULL;
	const VkCatalogGuest *guest = vk_catalog_find_guest(vault, guests, name, &trouble);
	g_autoptr(VkSnapshotKey) key = NULL;

	if (guest) {
		want_guest(wanted, guest->uuid);
		return TRUE;
	}
	if (!strchr(name, '@')) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	key = vk_catalog_find_key(vault, name, error);
	if (key)
		want_snapshot(wanted, key);
	return key != NULL;
}

static GHashTable *find_wanted(const Run *run, const GPtrArray *guests, GError **error)
{
	g_autoptr(GHashTable) wanted = wanted_new();
	char *const *name = run->options->names;

	if (!name || !*name)
		for (guint i = 0; i < guests->len; i++)
			want_guest(wanted, ((VkCatalogGuest *)guests->pdata[i])->uuid);
	for (; name && *name; name++)
		if (!want(wanted, run->from, guests, *name, error))
			return NULL;
	return g_steal_pointer(&wanted);
}

static gboolean look_at_guest(const Run *run, Guest *guest, GError **error)
{
	g_autoptr(GPtrArray) names = vk_catalog_list_names(run->to, guest->uuid, error);

	guest->to = names ? vk_catalog_list_of(run->to, guest->uuid, names) : NULL;
	guest->from = guest->to ? vk_catalog_list_all(run->from, guest->uuid, error) : NULL;
	if (guest->from)
		guest->note = vk_replica_note_load(run->to, run->from, guest->uuid, names);
	return guest->from != NULL;
}

static void count(const Run *run, VkReplica *replica)
{
	VkReplicateResult *result = run->result;

	result->count[replica->outcome]++;
	result->fresh += replica->fresh;
	result->stored += replica->stored;
	if (replica->outcome == VK_REPLICA_FAILED &&
	    g_error_matches(replica->trouble, VK_ERROR, VK_ERROR_DAMAGE))
		result->is_damaged = TRUE;
	if (replica->outcome != VK_REPLICA_PRESENT && run->options->on_done)
		run->options->on_done(run->options->user, replica);
}

/* Whether what went wrong is of one snapshot alone. */
static gboolean may_go_on(const GError *trouble)
{
	switch (trouble->code) {
	case VK_ERROR_DAMAGE:
	case VK_ERROR_EXISTS:
	case VK_ERROR_BUSY:
	case VK_ERROR_NOT_FOUND:
		return trouble->domain == VK_ERROR && !vk_interrupted();
	default:
		return FALSE;
	}
}

/* In a dry run only the objects are read. */
static gboolean look_at_snapshot(const Run *run, VkReplica *replica, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(run->from, replica->key, error);

	if (snapshot && !vk_snapshot_is_in_vault(snapshot))
		replica->outcome = VK_REPLICA_ON_ARRAY;
	return snapshot != NULL;
}

static gboolean send(const Run *run, const Guest *guest, VkReplica *replica, GError **error)
{
	g_autoptr(VkProgress) progress = NULL;
	VkSaveStats stats = {0};
	gboolean on_array;

	if (run->options->dry_run)
		return look_at_snapshot(run, replica, error);
	progress = vk_progress_new(replica->name, 0);
	if (!vk_replica_send(run->sender, replica->key, guest->from, guest->to, progress, &stats,
			     &on_array, error))
		return FALSE;
	if (on_array)
		replica->outcome = VK_REPLICA_ON_ARRAY;
	replica->read = stats.read;
	replica->fresh = stats.fresh;
	replica->stored = stats.stored;
	return TRUE;
}

static gboolean apply(const Run *run, const Guest *guest, VkReplica *replica, GError **error)
{
	if (replica->outcome == VK_REPLICA_SENT)
		return send(run, guest, replica, error);
	if (run->options->dry_run)
		return TRUE;
	if (replica->outcome == VK_REPLICA_BACK)
		return vk_catalog_unforget(run->to, replica->key, error);
	return replica->outcome != VK_REPLICA_DROPPED ||
	       vk_catalog_forget(run->to, replica->key, "replicate --mirror", error);
}

/* What was sent stays, whatever the note says. */
static void put_note(const Guest *guest)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_replica_note_put(guest->note, &trouble))
		vk_log_warning("what was replicated of the guest '%s' could not be noted, so that "
			       "a snapshot comes back when it is forgotten there: %s",
			       guest->name, trouble->message);
}

/*
 * Adds what the other vault has by now. That of a snapshot that was sent is durable at once, in
 * case this run is ended; not before, for a note of what never came would keep it from being sent.
 */
static void note(const Run *run, const Guest *guest, const VkReplica *replica)
{
	if (replica->outcome != VK_REPLICA_SENT && replica->outcome != VK_REPLICA_PRESENT &&
	    replica->outcome != VK_REPLICA_BACK)
		return;
	vk_replica_note_add(guest->note, replica->key->id);
	if (replica->outcome == VK_REPLICA_SENT && !run->options->dry_run)
		put_note(guest);
}

/* FALSE: the rest is not tried. */
static gboolean do_step(const Run *run, const Guest *guest, const VkReplicaStep *step,
			GError **error)
{
	g_autofree char *name = g_strdup_printf("%s@%s", guest->name, step->key->time);
	g_autoptr(GError) trouble = NULL;
	VkReplica replica = {
		.name = name, .guest = guest->name, .key = step->key, .outcome = step->outcome};

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!apply(run, guest, &replica, &trouble)) {
		replica.outcome = VK_REPLICA_FAILED;
		replica.trouble = trouble;
		if (!may_go_on(trouble)) {
			g_propagate_prefixed_error(error, g_steal_pointer(&trouble),
						   "cannot replicate '%s': ", name);
			return FALSE;
		}
	}
	note(run, guest, &replica);
	count(run, &replica);
	return TRUE;
}

/* Ids that a vault has: whatever else a note has says nothing any more. */
static void prune_note(const Guest *guest)
{
	g_autoptr(GHashTable) keep = g_hash_table_new(g_str_hash, g_str_equal);
	const GPtrArray *lists[] = {guest->from, guest->to};

	for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
		for (guint j = 0; j < lists[i]->len; j++)
			g_hash_table_add(keep, ((VkSnapshotKey *)lists[i]->pdata[j])->id);
	vk_replica_note_prune(guest->note, keep);
}

static void warn_of_kept(const Guest *guest, guint kept)
{
	if (kept > 0)
		vk_log_warning("the guest '%s' has no snapshots in the first vault any more, or "
			       "less than half of those in the other: %u there are not forgotten, "
			       "for they may have been lost here; if they are to go, 'virtkeep "
			       "forget' does that",
			       guest->name, kept);
}

static gboolean replicate_guest(const Run *run, const char *uuid, const char *name, GHashTable *ids,
				GError **error)
{
	g_auto(Guest) guest = {.uuid = uuid, .name = name};
	g_autoptr(GArray) steps = NULL;
	gboolean done = TRUE;
	guint kept;

	if (!look_at_guest(run, &guest, error))
		return FALSE;
	steps = vk_replica_plan(&(VkReplicaFacts){.from = guest.from,
						  .to = guest.to,
						  .note = guest.note,
						  .ids = ids,
						  .options = run->options},
				&kept);
	warn_of_kept(&guest, kept);
	for (guint i = 0; done && i < steps->len; i++)
		done = do_step(run, &guest, &g_array_index(steps, VkReplicaStep, i), error);
	if (run->options->dry_run)
		return done;
	prune_note(&guest);
	put_note(&guest);
	return done;
}

static gboolean replicate_wanted(const Run *run, const GPtrArray *guests, GHashTable *wanted,
				 GError **error)
{
	for (guint i = 0; i < guests->len; i++) {
		const VkCatalogGuest *guest = g_ptr_array_index(guests, i);
		gpointer ids;

		if (g_hash_table_lookup_extended(wanted, guest->uuid, NULL, &ids) &&
		    !replicate_guest(run, guest->uuid, guest->view_name, ids, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean check_vaults(const VkVault *from, const VkVault *to,
			     const VkReplicateOptions *options, GError **error)
{
	if (strcmp(vk_vault_place(from), vk_vault_place(to)) == 0)
		return vk_fail(error, VK_ERROR_USAGE, "the vault '%s' cannot go into itself",
			       vk_vault_url(from));
	if (options->decrypt || !vk_vault_is_encrypted(from) || vk_vault_is_encrypted(to))
		return TRUE;
	return vk_fail(error, VK_ERROR_USAGE,
		       "the vault '%s' is encrypted and '%s' is not, so that whoever reads that "
		       "one would see all: make it anew by 'virtkeep init --encrypt', or say "
		       "'virtkeep replicate --decrypt'",
		       vk_vault_url(from), vk_vault_url(to));
}

gboolean vk_vault_replicate(VkVault *from, VkVault *to, const VkReplicateOptions *options,
			    VkReplicateResult *result, GError **error)
{
	g_autoptr(VkReplicaSender) sender =
		vk_replica_sender_new(from, to, options->workers, options->limit);
	const Run run = {
		.from = from, .to = to, .options = options, .result = result, .sender = sender};
	g_autoptr(VkReadLease) lease = NULL;
	g_autoptr(GPtrArray) guests = NULL;
	g_autoptr(GHashTable) wanted = NULL;

	*result = (VkReplicateResult){0};
	if (!check_vaults(from, to, options, error) || !vk_vault_may_read_blocks(from, error))
		return FALSE;
	/* What is listed from now on stays until all is done. */
	lease = options->dry_run ? NULL : vk_read_lease_begin(from, NULL, error);
	if (!lease && !options->dry_run)
		return FALSE;
	guests = options->mirror ? vk_catalog_guests_all(from, error)
				 : vk_catalog_guests(from, error);
	wanted = guests ? find_wanted(&run, guests, error) : NULL;
	return wanted && replicate_wanted(&run, guests, wanted, error);
}
