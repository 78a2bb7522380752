/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-priv.h"

#include "layout.h"
#include "lease-owner.h"
#include "lease-sweep.h"
#include "pack-id.h"

#include "checked-json.h"
#include "errors.h"
#include "log.h"
#include "timestamp.h"

#include <string.h>

/* A collector suspects whoever is silent for half an hour. */
#define BEAT_EVERY (2 * G_TIME_SPAN_MINUTE)

struct VkLease {
	VkStore *store;
	VkLeaseKind kind;
	char id[2 * VK_ID_SIZE + 1];
	guint64 beat;    /* the newest; the thread's own until it is joined */
	GThread *thread; /* puts the beats; NULL: there are none */
	gboolean has_intent;
	gint is_unclear; /* more may be there of it than is known here; atomic */
	gboolean has_company;
	GMutex mutex;
	GCond changed;
	gboolean ending; /* under the mutex */
};

/* NULL for SNAPSHOTS becomes null. */
static json_t *describe(VkLeaseKind kind, const char *const *snapshots)
{
	g_autofree char *since = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	json_t *names = snapshots ? json_array() : json_null();

	for (; snapshots && *snapshots; snapshots++)
		json_array_append_new(names, vk_json_new_string(*snapshots));
	return json_pack("{s:s, s:s, s:o, s:o}", "kind", vk_lease_kind_word(kind), "since", since,
			 "owner", vk_lease_owner_describe(), "snapshots", names);
}

/* One that fails is made up for by the next. */
void vk_lease_beat(VkLease *lease)
{
	g_autofree char *last = g_strdup_printf("%" G_GUINT64_FORMAT, lease->beat);
	g_autofree char *next = g_strdup_printf("%" G_GUINT64_FORMAT, lease->beat + 1);
	g_autofree char *old = vk_lease_object(lease->id, last);
	g_autofree char *new = vk_lease_object(lease->id, next);
	g_autoptr(GError) trouble = NULL;

	if (!vk_store_put(lease->store, new, NULL, 0, VK_PUT_HINT, &trouble) ||
	    (lease->beat > 0 && !lease->store->ops->delete (lease->store, old, &trouble))) {
		g_atomic_int_set(&lease->is_unclear, TRUE);
		vk_log_debug("a beat of the lease '%s' failed, ignoring: %s", lease->id,
			     trouble->message);
	}
	lease->beat++;
}

static gpointer beat(gpointer user)
{
	VkLease *lease = user;
	gint64 next = g_get_monotonic_time() + BEAT_EVERY;

	g_mutex_lock(&lease->mutex);
	while (!lease->ending) {
		if (g_cond_wait_until(&lease->changed, &lease->mutex, next))
			continue;
		g_mutex_unlock(&lease->mutex);
		vk_lease_beat(lease);
		next = g_get_monotonic_time() + BEAT_EVERY;
		g_mutex_lock(&lease->mutex);
	}
	g_mutex_unlock(&lease->mutex);
	return NULL;
}

static void stop_beats(VkLease *lease)
{
	g_mutex_lock(&lease->mutex);
	lease->ending = TRUE;
	g_cond_signal(&lease->changed);
	g_mutex_unlock(&lease->mutex);
	if (lease->thread)
		g_thread_join(g_steal_pointer(&lease->thread));
}

static void lease_free(VkLease *lease)
{
	stop_beats(lease);
	g_mutex_clear(&lease->mutex);
	g_cond_clear(&lease->changed);
	g_free(lease);
}

/* W1, R1, G0 */
VkLease *vk_lease_begin(VkStore *store, VkLeaseKind kind, const char *const *snapshots,
			GError **error)
{
	g_autoptr(json_t) description = describe(kind, snapshots);
	g_autofree char *object = NULL;
	VkPackId id = vk_pack_id_random();
	VkLease *lease = g_new0(VkLease, 1);

	lease->store = store;
	lease->kind = kind;
	vk_pack_id_format(&id, lease->id);
	g_mutex_init(&lease->mutex);
	g_cond_init(&lease->changed);
	object = vk_lease_object(lease->id, VK_LEASE_BEGIN);
	/* What a collector puts elsewhere does not outlast its lease. A writer puts its intent
	   beside it, which flushes both. */
	if (!vk_checked_json_put(store, object, description,
				 kind == VK_LEASE_COLLECT ? VK_PUT_NOW : VK_PUT_LATER, error)) {
		lease_free(lease);
		return NULL;
	}
	if (kind != VK_LEASE_READ)
		lease->thread = g_thread_new("lease", beat, lease);
	return lease;
}

const char *vk_lease_id(const VkLease *lease)
{
	return lease->id;
}

/* W5 */
gboolean vk_lease_put_intent(VkLease *lease, const char *name, json_t *object, GError **error)
{
	g_autofree char *intent = vk_lease_object(lease->id, VK_LEASE_COMMIT);
	g_autoptr(json_t) content = json_pack("{s:s, s:O}", "name", name, "object", object);

	lease->has_intent = TRUE;
	if (vk_checked_json_put(lease->store, intent, content, VK_PUT_NOW, error))
		return TRUE;
	/* A request without an answer may still be carried out, after the end of the lease. */
	g_atomic_int_set(&lease->is_unclear, TRUE);
	return FALSE;
}

static gboolean names_have(const GPtrArray *names, const char *object)
{
	const char *name = strrchr(object, '/') + 1;

	for (guint i = 0; i < names->len; i++)
		if (strcmp(g_ptr_array_index(names, i), name) == 0)
			return TRUE;
	return FALSE;
}

/* Whether something in leases/ is of another lease. */
static gboolean names_have_other(const GPtrArray *names, const char *id)
{
	for (guint i = 0; i < names->len; i++)
		if (!g_str_has_prefix(g_ptr_array_index(names, i), id))
			return TRUE;
	return FALSE;
}

gboolean vk_lease_has_company(const VkLease *lease)
{
	return lease->has_company;
}

/*
 * W6, D6, G6. By listings, for these are what a store promises to be true at the moment. A name
 * that is looked up may be answered by what the kernel remembers of an NFS server. The leases come
 * second: a sweep removes the fence after the lease, so one of the two looks finds out.
 */
gboolean vk_lease_is_fenced(VkLease *lease, gboolean *ret, GError **error)
{
	VkStore *store = lease->store;
	g_autofree char *fence = vk_lease_fence_object(lease->id);
	g_autofree char *begin = vk_lease_object(lease->id, VK_LEASE_BEGIN);
	g_autofree char *end = vk_lease_object(lease->id, VK_LEASE_END);
	g_autoptr(GPtrArray) fences = store->ops->list(store, VK_FOLDER_FENCE, error);
	g_autoptr(GPtrArray) leases =
		fences ? store->ops->list(store, VK_FOLDER_LEASES, error) : NULL;

	if (!leases)
		return FALSE;
	*ret = names_have(fences, fence) || names_have(leases, end) || !names_have(leases, begin);
	if (*ret)
		g_atomic_int_set(&lease->is_unclear, TRUE);
	lease->has_company = fences->len > 0 || names_have_other(leases, lease->id);
	return TRUE;
}

/* W8, G7. The end is there before anything else goes, and goes last. */
static gboolean end_by_sweep(const VkLease *lease, GError **error)
{
	return vk_lease_put_end(lease->store, lease->id, error) &&
	       vk_lease_sweep(lease->store, lease->id, error);
}

/* R4. Nothing else is there of a reader's, so that the lease has ended when it has gone. */
static gboolean end_reader(const VkLease *lease, GError **error)
{
	g_autofree char *begin = vk_lease_object(lease->id, VK_LEASE_BEGIN);

	return lease->store->ops->delete (lease->store, begin, NULL) || end_by_sweep(lease, error);
}

static gboolean delete_part(const VkLease *lease, const char *part, GError **error)
{
	g_autofree char *object = vk_lease_object(lease->id, part);

	return lease->store->ops->delete (lease->store, object, error);
}

/*
 * W8. A writer knows what it has put, so that nothing is listed and read. Once its first object has
 * gone it has ended. What it leaves then, and a fence that came after its last look, whoever lists
 * the leases next removes.
 */
static gboolean end_writer(VkLease *lease, GError **error)
{
	g_autofree char *beat = g_strdup_printf("%" G_GUINT64_FORMAT, lease->beat);

	if (g_atomic_int_get(&lease->is_unclear) || !delete_part(lease, VK_LEASE_BEGIN, NULL))
		return end_by_sweep(lease, error);
	return (!lease->has_intent || delete_part(lease, VK_LEASE_COMMIT, error)) &&
	       (lease->beat == 0 || delete_part(lease, beat, error));
}

static gboolean end_lease(VkLease *lease, GError **error)
{
	switch (lease->kind) {
	case VK_LEASE_READ:
		return end_reader(lease, error);
	case VK_LEASE_WRITE:
		return end_writer(lease, error);
	case VK_LEASE_COLLECT:
	case VK_LEASE_UNKNOWN:
		break;
	}
	return end_by_sweep(lease, error);
}

void vk_lease_end(VkLease *lease)
{
	g_autoptr(GError) trouble = NULL;

	if (!lease)
		return;
	stop_beats(lease); /* no beat follows the end */
	if (!end_lease(lease, &trouble))
		vk_log_debug("the lease '%s' stays, ignoring: %s", lease->id, trouble->message);
	lease_free(lease);
}

void vk_lease_leave_open(VkLease *lease)
{
	if (lease)
		lease_free(lease);
}
