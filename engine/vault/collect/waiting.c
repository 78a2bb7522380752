/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "waiting.h"

#include "when.h"

#include <string.h>

/* What was last seen of one lease. */
typedef struct Seen {
	guint64 beat;
	gint64 since_usec; /* when that beat was first seen; monotonic */
} Seen;

struct VkWaiting {
	gint64 suspect_usec;
	GHashTable *leases; /* id -> Seen, both owned */
	gboolean saw_life;
};

VkWaiting *vk_waiting_new(gint64 suspect_usec)
{
	VkWaiting *waiting = g_new0(VkWaiting, 1);

	waiting->suspect_usec = suspect_usec;
	waiting->leases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return waiting;
}

void vk_waiting_free(VkWaiting *waiting)
{
	if (!waiting)
		return;
	g_hash_table_unref(waiting->leases);
	g_free(waiting);
}

void vk_waiting_add(VkWaiting *waiting, const VkLeaseInfo *lease)
{
	Seen *seen = g_new(Seen, 1);

	*seen = (Seen){.beat = lease->beat, .since_usec = g_get_monotonic_time()};
	g_hash_table_insert(waiting->leases, g_strdup(lease->id), seen);
}

void vk_waiting_drop(VkWaiting *waiting, const char *id)
{
	g_hash_table_remove(waiting->leases, id);
}

guint vk_waiting_count(const VkWaiting *waiting)
{
	return g_hash_table_size(waiting->leases);
}

gboolean vk_waiting_saw_life(const VkWaiting *waiting)
{
	return waiting->saw_life;
}

static const VkLeaseInfo *find_open(const GPtrArray *leases, const char *id)
{
	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (!lease->ended && g_str_equal(lease->id, id))
			return lease;
	}
	return NULL;
}

const char *vk_waiting_look(VkWaiting *waiting, const GPtrArray *leases)
{
	gint64 now_usec = g_get_monotonic_time();
	const char *suspect = NULL;
	GHashTableIter iter;
	gpointer id, value;

	g_hash_table_iter_init(&iter, waiting->leases);
	while (g_hash_table_iter_next(&iter, &id, &value)) {
		const VkLeaseInfo *lease = find_open(leases, id);
		Seen *seen = value;

		if (!lease) {
			g_hash_table_iter_remove(&iter);
		} else if (lease->beat != seen->beat) {
			*seen = (Seen){.beat = lease->beat, .since_usec = now_usec};
			waiting->saw_life = TRUE;
		} else if (now_usec - seen->since_usec >= waiting->suspect_usec) {
			suspect = lease->id;
		}
	}
	return suspect;
}

/* One whose beginning is not known counts as the youngest. */
static gboolean is_older(const VkLeaseInfo *lease, const VkLeaseInfo *other)
{
	return !other ||
	       (lease->since && (!other->since || strcmp(lease->since, other->since) < 0));
}

char *vk_waiting_describe(const VkWaiting *waiting, const GPtrArray *leases)
{
	const VkLeaseInfo *oldest = NULL;
	g_autofree char *since = NULL;
	g_autofree char *others = NULL;
	guint count = 0;

	for (guint i = 0; i < leases->len; i++) {
		const VkLeaseInfo *lease = g_ptr_array_index(leases, i);

		if (!g_hash_table_contains(waiting->leases, lease->id))
			continue;
		count++;
		if (is_older(lease, oldest))
			oldest = lease;
	}
	if (!oldest)
		return NULL;
	since = oldest->since ? vk_when_local(oldest->since) : g_strdup("an unknown time");
	others = count > 1 ? g_strdup_printf(", and %u more", count - 1) : g_strdup("");
	return g_strdup_printf("host '%s' since %s%s", oldest->host ? oldest->host : "?", since,
			       others);
}
