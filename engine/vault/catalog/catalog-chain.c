/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalog-chain.h"

#include "catalog-priv.h"
#include "chain-memory.h"
#include "checked-json.h"
#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "vault-parts.h"

#include <string.h>

/* Damaged objects at the end of a chain, beyond which nobody looks. */
#define TRIES 4u

/*
 * The newest of KEYS that can be read; NULL: there is none. A backup has loaded it a moment ago, as
 * the parent, and it is not read again.
 */
static VkChainLink *load_newest(VkVault *vault, const GPtrArray *keys)
{
	for (guint i = 0; i < keys->len && i < TRIES; i++) {
		VkChainLink *link =
			vk_catalog_load_link(vault, g_ptr_array_index(keys, keys->len - 1 - i));

		if (link)
			return link;
	}
	return NULL;
}

/*
 * Whether KEY shows that the chain has reached END: by its number, by its date if an earlier
 * version has put it, or perhaps, if it cannot be read.
 */
static gboolean has_reached(VkVault *vault, const VkSnapshotKey *key, const VkChainEnd *end)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, NULL);

	return !snapshot || snapshot->number >= end->number ||
	       (snapshot->number == 0 && strcmp(snapshot->time, end->time) > 0);
}

/*
 * Whether the vault shows neither END nor anything that is as new. What another process has put or
 * removed meanwhile is seen, for the memory was read first.
 */
static gboolean is_missing(VkVault *vault, const VkChainEnd *end)
{
	g_autofree char *name = vk_snapshot_key_object(end->uuid, end->time, end->id);
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(GError) trouble = NULL;
	guint64 size, kept;

	if (vault->store->ops->head(vault->store, name, &size, NULL, &trouble) ||
	    !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return FALSE;
	if (!vk_chain_kept_number(vault, end->uuid, &kept) || kept >= end->number)
		return FALSE;
	keys = vk_catalog_list_all(vault, end->uuid, NULL);
	for (guint i = keys ? keys->len : 0; i > 0; i--)
		if (has_reached(vault, g_ptr_array_index(keys, i - 1), end))
			return FALSE;
	return keys != NULL;
}

/* New string. */
static char *describe_missing(VkVault *vault, const VkChainEnd *end)
{
	g_autofree char *guest = NULL;

	if (!vk_catalog_name_guest(vault, end->uuid, TRUE, &guest, NULL) || !guest)
		guest = g_strdup(end->uuid);
	return g_strdup_printf(
		"the snapshot '%s@%s' was in the vault '%s', and neither it nor a newer one of "
		"this guest is there now, though no collection has removed it: the vault was put "
		"back to an earlier state, or holds snapshots back; if you have put it back, "
		"remove '%s'",
		guest, end->time, vk_vault_url(vault), vk_chain_memory_path(vault->memory));
}

static char *describe_replaced(VkVault *vault, const VkSnapshotKey *key)
{
	g_autofree char *name = vk_catalog_name(vault, key);

	return g_strdup_printf("the object of the snapshot '%s' is not the one that was put: "
			       "another one was put in its place",
			       name);
}

/*
 * A note that is not in the listing is of a snapshot that was removed since: its number is not
 * higher than that of the newest, unless that one has gone as well.
 */
static guint64 find_number(VkVault *vault, const GPtrArray *keys, const GPtrArray *names,
			   const VkChainLink *previous, const char *uuid)
{
	const VkSnapshotKey *newest = keys->len ? g_ptr_array_index(keys, keys->len - 1) : NULL;
	guint64 number;

	if (newest && previous && strcmp(newest->id, previous->id) == 0)
		vk_chain_noted_number(vault, uuid, names, &number);
	else
		vk_chain_kept_number(vault, uuid, &number);
	return MAX(number, previous ? previous->number : 0);
}

void vk_chain_extend(VkVault *vault, const GPtrArray *keys, const GPtrArray *names,
		     VkSnapshot *snapshot)
{
	g_autoptr(GPtrArray) ends = vk_chain_memory_read(vault->memory, snapshot->uuid);
	const VkChainEnd *end = ends->len > 0 ? g_ptr_array_index(ends, 0) : NULL;
	g_autofree char *text = NULL;
	VkChainLink *previous = load_newest(vault, keys);
	guint64 number;

	if (end && !vk_catalog_has_id(keys, end->id) && is_missing(vault, end))
		text = describe_missing(vault, end);
	if (text && vault->warn)
		vault->warn("%s", text);
	number = find_number(vault, keys, names, previous, snapshot->uuid);
	number = MAX(number, end ? end->number : 0);
	snapshot->number = MIN(number, VK_CHAIN_NUMBER_MAX - 1) + 1;
	g_free(snapshot->previous);
	g_free(snapshot->previous_sha256);
	snapshot->previous = previous ? g_strdup(previous->id) : NULL;
	snapshot->previous_sha256 = previous ? g_strdup(previous->sum) : NULL;
	vk_chain_link_free(previous);
}

static void remember(GPtrArray *ends, const VkSnapshot *snapshot, const char *sum)
{
	if (snapshot->number > 0)
		g_ptr_array_add(ends, vk_chain_end_new(snapshot->uuid, snapshot->number,
						       snapshot->time, snapshot->id, sum));
}

void vk_chain_remember(VkVault *vault, const VkSnapshot *snapshot, const json_t *object)
{
	g_autoptr(GPtrArray) ends =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_chain_end_free);
	g_autofree char *sum = vk_checked_json_sum(object);

	remember(ends, snapshot, sum);
	vk_chain_memory_advance(vault->memory, ends);
}

/* Of ENDS, those of the guests UUIDS, or all with NULL. */
static void add_missing(VkVault *vault, const GPtrArray *ends, const char *const *uuids,
			GPtrArray *texts)
{
	for (guint i = 0; i < ends->len; i++) {
		const VkChainEnd *end = g_ptr_array_index(ends, i);

		if ((!uuids || g_strv_contains(uuids, end->uuid)) && is_missing(vault, end))
			g_ptr_array_add(texts, describe_missing(vault, end));
	}
}

GPtrArray *vk_chain_missing(VkVault *vault, const char *const *uuids)
{
	g_autoptr(GPtrArray) ends = vk_chain_memory_read(vault->memory, NULL);
	GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);

	add_missing(vault, ends, uuids, texts);
	return texts;
}

/* What the chain needs of one object. */
typedef struct Link {
	const VkSnapshotKey *key; /* borrowed */
	guint64 number;
	char *previous, *previous_sha256; /* nullable */
	char *sum;
	gboolean is_replaced; /* what is known of it elsewhere contradicts it */
} Link;

static void link_free(gpointer data)
{
	Link *link = data;

	g_free(link->previous);
	g_free(link->previous_sha256);
	g_free(link->sum);
	g_free(link);
}

static Link *load_link(VkVault *vault, const VkSnapshotKey *key)
{
	char *sum = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load_sum(vault, key, &sum, NULL);
	Link *link;

	if (!snapshot)
		return NULL;
	link = g_new0(Link, 1);
	link->key = key;
	link->number = snapshot->number;
	link->previous = g_strdup(snapshot->previous);
	link->previous_sha256 = g_strdup(snapshot->previous_sha256);
	link->sum = sum;
	return link;
}

/* Link by the id of its snapshot, of all that can be read. */
static GHashTable *load_links(VkVault *vault, const GPtrArray *keys)
{
	GHashTable *links = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, link_free);

	for (guint i = 0; i < keys->len && !vk_interrupted(); i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);
		Link *link = load_link(vault, key);

		if (link)
			g_hash_table_insert(links, key->id, link);
	}
	return links;
}

/* Whether OTHER, which LINK was put after, is what LINK says. Behind the highest number there is no
 * higher one. */
static gboolean follows(const Link *link, const Link *other)
{
	return (link->number > other->number || link->number == VK_CHAIN_NUMBER_MAX) &&
	       g_strcmp0(link->previous_sha256, other->sum) == 0;
}

/*
 * Whether LINK was put after one that has NUMBER and knew it as an earlier one. It was removed
 * then, and a replication has sent it again: a new object of the same snapshot.
 */
static gboolean was_sent_again(const Link *link, guint64 number)
{
	return link->number > number && number > 0;
}

/* END: what is remembered of the guest; nullable. */
static void compare(VkVault *vault, GHashTable *links, const VkChainEnd *end, GPtrArray *texts)
{
	Link *seen = end ? g_hash_table_lookup(links, end->id) : NULL;
	GHashTableIter iter;
	gpointer link;

	if (seen)
		seen->is_replaced =
			strcmp(seen->sum, end->sha256) != 0 && !was_sent_again(seen, end->number);
	g_hash_table_iter_init(&iter, links);
	while (g_hash_table_iter_next(&iter, NULL, &link)) {
		const char *previous = ((const Link *)link)->previous;
		Link *other = previous ? g_hash_table_lookup(links, previous) : NULL;

		if (other && !was_sent_again(other, ((const Link *)link)->number) &&
		    !follows(link, other))
			other->is_replaced = TRUE;
	}
	g_hash_table_iter_init(&iter, links);
	while (g_hash_table_iter_next(&iter, NULL, &link))
		if (((const Link *)link)->is_replaced)
			g_ptr_array_add(texts, describe_replaced(vault, ((const Link *)link)->key));
}

/* Adds the end of the chain to ENDS, if it has a higher number than is KNOWN. */
static void find_end(GHashTable *links, guint64 known, GPtrArray *ends)
{
	const Link *last = NULL;
	GHashTableIter iter;
	gpointer link;

	g_hash_table_iter_init(&iter, links);
	while (g_hash_table_iter_next(&iter, NULL, &link))
		if (((const Link *)link)->number > (last ? last->number : 0))
			last = link;
	if (last && last->number > known)
		g_ptr_array_add(ends, vk_chain_end_new(last->key->uuid, last->number,
						       last->key->time, last->key->id, last->sum));
}

static gboolean check_guest(VkVault *vault, const char *uuid, GPtrArray *ends, GPtrArray *texts,
			    GError **error)
{
	g_autoptr(GPtrArray) known = vk_chain_memory_read(vault->memory, uuid);
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(vault, uuid, error);
	g_autoptr(GHashTable) links = keys ? load_links(vault, keys) : NULL;
	const VkChainEnd *end = known->len > 0 ? g_ptr_array_index(known, 0) : NULL;

	if (!links)
		return FALSE;
	compare(vault, links, end, texts);
	find_end(links, end ? end->number : 0, ends);
	return TRUE;
}

/*
 * Remembers ENDS once they stay after a power failure: what is just being put by another process
 * may have its name already, and may lose it.
 */
static void remember_durable(VkVault *vault, const GPtrArray *ends)
{
	VkStore *store = vault->store;
	g_autoptr(GError) trouble = NULL;

	for (guint i = 0; i < ends->len; i++) {
		const VkChainEnd *end = g_ptr_array_index(ends, i);
		g_autofree char *name = vk_snapshot_key_object(end->uuid, end->time, end->id);

		store->ops->adopt(store, name);
	}
	if (ends->len > 0 && !store->ops->sync(store, &trouble))
		vk_log_debug("what the vault shows now is not remembered: %s", trouble->message);
	else
		vk_chain_memory_advance(vault->memory, ends);
}

GPtrArray *vk_chain_check(VkVault *vault, const char *const *uuids, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) ends =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_chain_end_free);
	g_autoptr(GPtrArray) known = vk_chain_memory_read(vault->memory, NULL);
	g_autoptr(GPtrArray) all = uuids ? NULL : vk_catalog_uuids(vault, error);
	guint count = uuids ? g_strv_length((char **)(gsize)uuids) : all ? all->len : 0;

	if (!uuids && !all)
		return NULL;
	for (guint i = 0; i < count; i++)
		if (!check_guest(vault, uuids ? uuids[i] : g_ptr_array_index(all, i), ends, texts,
				 error))
			return NULL;
	add_missing(vault, known, uuids, texts);
	if (vault->memory)
		remember_durable(vault, ends);
	return g_steal_pointer(&texts);
}
