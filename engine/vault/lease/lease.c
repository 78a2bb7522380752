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
	    (lease->beat > 0 && !lease->store->ops->delete (lease->store, old, &trouble)))
		vk_log_debug("a beat of the lease '%s' failed, ignoring: %s", lease->id,
			     trouble->message);
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

static void lease_free(VkLease *lease)
{
	g_mutex_lock(&lease->mutex);
	lease->ending = TRUE;
	g_cond_signal(&lease->changed);
	g_mutex_unlock(&lease->mutex);
	if (lease->thread)
		g_thread_join(lease->thread);
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

	return vk_checked_json_put(lease->store, intent, content, VK_PUT_NOW, error);
}

static gboolean names_have(const GPtrArray *names, const char *object)
{
	const char *name = strrchr(object, '/') + 1;

	for (guint i = 0; i < names->len; i++)
		if (strcmp(g_ptr_array_index(names, i), name) == 0)
			return TRUE;
	return FALSE;
}

/*
 * W6, D6, G6. By listings, for these are what a store promises to be true at the moment. A name
 * that is looked up may be answered by what the kernel remembers of an NFS server. The leases come
 * second: a sweep removes the fence after the lease, so one of the two looks finds out.
 */
gboolean vk_lease_is_fenced(const VkLease *lease, gboolean *ret, GError **error)
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
	return TRUE;
}

/* W8, G7. The end is there before anything else goes, and goes last. */
static gboolean end_lease(VkStore *store, const char *id, GError **error)
{
	return vk_lease_put_end(store, id, error) && vk_lease_sweep(store, id, error);
}

/* R4. Nothing else is there of a reader's, so that the lease has ended when it has gone. */
static gboolean end_reader(VkStore *store, const char *id, GError **error)
{
	g_autofree char *lease = vk_lease_object(id, VK_LEASE_BEGIN);

	return store->ops->delete (store, lease, NULL) || end_lease(store, id, error);
}

void vk_lease_end(VkLease *lease)
{
	g_autofree char *id = lease ? g_strdup(lease->id) : NULL;
	g_autoptr(GError) trouble = NULL;
	VkLeaseKind kind;
	VkStore *store;

	if (!lease)
		return;
	store = lease->store;
	kind = lease->kind;
	lease_free(lease); /* no beat follows the end */
	if (!(kind == VK_LEASE_READ ? end_reader : end_lease)(store, id, &trouble))
		vk_log_debug("the lease '%s' stays, ignoring: %s", id, trouble->message);
}

void vk_lease_leave_open(VkLease *lease)
{
	if (lease)
		lease_free(lease);
}
