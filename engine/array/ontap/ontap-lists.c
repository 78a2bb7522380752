/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists that hardly ever change: interfaces, volumes, LUNs. A run asks for each once, not once for
 * each image. A thread that wants a list that another one asks for waits, and shares the answer.
 */
#include "ontap-priv.h"

typedef struct Known {
	gboolean is_asked; /* a thread asks for it at the moment */
	gint64 when;       /* monotonic */
	json_t *records;   /* NULL: there was no answer yet, or an error */
	GError *trouble;   /* why it was not */
} Known;

struct VkOntapLists {
	GMutex mutex; /* guards all that follows; not held while the array is asked */
	GCond answered;
	GHashTable *known; /* URL -> Known */
	guint changes;     /* how often all was forgotten */
};

static void known_free(gpointer data)
{
	Known *known = data;

	json_decref(known->records);
	g_clear_error(&known->trouble);
	g_free(known);
}

VkOntapLists *vk_ontap_lists_new(void)
{
	VkOntapLists *lists = g_new0(VkOntapLists, 1);

	g_mutex_init(&lists->mutex);
	g_cond_init(&lists->answered);
	lists->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
	return lists;
}

void vk_ontap_lists_free(VkOntapLists *lists)
{
	g_hash_table_unref(lists->known);
	g_cond_clear(&lists->answered);
	g_mutex_clear(&lists->mutex);
	g_free(lists);
}

static Known *find_known(VkOntapLists *lists, const char *url)
{
	Known *known = g_hash_table_lookup(lists->known, url);

	if (!known) {
		known = g_new0(Known, 1);
		g_hash_table_insert(lists->known, g_strdup(url), known);
	}
	return known;
}

/* With the mutex held, but for the time of the question. */
static void ask(VkOntap *ontap, const char *url, Known *known)
{
	VkOntapLists *lists = ontap->lists;
	GError *trouble = NULL;
	guint changes = lists->changes;
	json_t *records;

	known->is_asked = TRUE;
	g_mutex_unlock(&lists->mutex);
	records = vk_ontap_list(ontap->rest, url, 0, &trouble);
	g_mutex_lock(&lists->mutex);
	json_decref(known->records);
	g_clear_error(&known->trouble);
	*known = (Known){.records = records, .trouble = trouble};
	/*
	 * It may lack what was changed meanwhile: it serves the threads that wait, and is old then.
	 */
	known->when = changes == lists->changes ? g_get_monotonic_time() : G_MININT64;
	g_cond_broadcast(&lists->answered);
}

void vk_ontap_forget_lists(VkOntap *ontap)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&ontap->lists->mutex);
	GHashTableIter iter;
	gpointer value;

	ontap->lists->changes++;
	g_hash_table_iter_init(&iter, ontap->lists->known);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_clear_pointer(&((Known *)value)->records, json_decref);
}

json_t *vk_ontap_known_list(VkOntap *ontap, const char *url, guint oldest_sec, GError **error)
{
	VkOntapLists *lists = ontap->lists;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lists->mutex);
	Known *known = find_known(lists, url);
	gint64 oldest = g_get_monotonic_time() - (gint64)oldest_sec * G_USEC_PER_SEC;
	gboolean is_new = FALSE; /* the answer came after this call */

	for (;;) {
		if (known->is_asked) {
			g_cond_wait(&lists->answered, &lists->mutex);
		} else if (known->records && (is_new || known->when >= oldest)) {
			return json_incref(known->records);
		} else if (is_new && known->trouble) {
			g_propagate_error(error, g_error_copy(known->trouble));
			return NULL;
		} else {
			ask(ontap, url, known);
		}
		is_new = TRUE;
	}
}
