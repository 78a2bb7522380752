/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "session-priv.h"

#include "errors.h"
#include "log.h"

/* A GiB. */
#define PACKS_PER_HINTS 32u

static void hint_at_slot(gpointer user, const VkBlockId *id, const VkPackId *pack, guint32 slot)
{
	VkSession *session = user;
	VkHints *hints = g_atomic_pointer_get(&session->hints);

	if (hints)
		vk_hints_add(hints, id, pack, slot);
}

/*
 * Now its map pages can be read from the vault, or never will be. From time to time the hints are
 * written, so that the next process finds what one has stored that was killed.
 */
static void end_pack(gpointer user, const VkPackId *pack, gboolean ok)
{
	VkSession *session = user;

	vk_block_cache_unpin_pack(session->vault->blocks, pack);
	if (!ok)
		session->epoch++;
	else if (++session->packs % session->packs_per_hints == 0)
		vk_session_commit_hints(session);
}

static VkPackWriter *new_pack_writer(VkSession *session)
{
	static const VkPackCalls calls = {.on_slot = hint_at_slot, .on_done = end_pack};

	return vk_pack_writer_new(session->vault->store, &session->vault->context,
				  session->id.bytes, &calls, session);
}

/*
 * The sessions of a vault share its hints, so that guests saved at once find each other's blocks.
 */
static VkHints *share_hints(VkVault *vault, GError **error)
{
	VkHintsPlace place = vk_vault_hints_place(vault);
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vault->mutex);

	if (!vault->hints)
		vault->hints = vk_hints_open(&place, error);
	if (vault->hints)
		vault->sessions++;
	return vault->hints;
}

static void unshare_hints(VkVault *vault)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&vault->mutex);

	if (--vault->sessions == 0)
		g_clear_pointer(&vault->hints, vk_hints_free);
}

gboolean vk_session_open_finders(VkSession *session, GError **error)
{
	g_autoptr(GMutexLocker) locker = NULL;
	g_autoptr(GError) trouble = NULL;
	VkHints *hints;

	if (g_atomic_int_get(&session->has_finders))
		return TRUE;
	locker = g_mutex_locker_new(&session->finders_mutex);
	if (session->has_finders)
		return TRUE;
	hints = share_hints(session->vault, error);
	if (!hints)
		return FALSE;
	g_atomic_pointer_set(&session->hints, hints);
	session->healer = vk_healer_new(session->vault, FALSE, &trouble);
	if (trouble)
		vk_log_debug("nothing is healed: %s", trouble->message);
	g_atomic_int_set(&session->has_finders, TRUE);
	return TRUE;
}

/* Who cannot make block ids would store what nobody finds again. */
static gboolean may_write(const VkVault *vault, GError **error)
{
	if (!vk_vault_check_unlocked(vault, error))
		return FALSE;
	return !vault->keyring || vk_vault_id_key(vault) ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use for the vault '%s' is of role %s: it cannot store blocks",
		       vault->url, vk_role_word(vk_keyring_role(vault->keyring)));
}

VkSession *vk_session_new(VkVault *vault, guint workers, GError **error)
{
	g_autoptr(VkSession) session = NULL;

	if (!may_write(vault, error))
		return NULL;
	session = g_new0(VkSession, 1);
	session->vault = vault;
	session->id = vk_pack_id_random();
	session->epoch = 1;
	session->packs_per_hints = PACKS_PER_HINTS;
	session->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_mutex_init(&session->seen_mutex);
	session->hasher = vk_hasher_new(vk_vault_id_key(vault));
	session->codec = vk_codec_new(vault->compression_level);
	g_mutex_init(&session->finders_mutex);
	if (!vk_session_ensure_lease(session, error))
		return NULL;
	session->n_workers = workers ? workers : g_get_num_processors();
	session->workers = g_new0(VkWorker, session->n_workers);
	for (guint i = 0; i < session->n_workers; i++) {
		VkWorker *worker = &session->workers[i];

		worker->session = session;
		worker->pack = new_pack_writer(session);
		worker->hasher = vk_hasher_new(vk_vault_id_key(vault));
		worker->codec = vk_codec_new(vault->compression_level);
		for (guint j = 0; j < VK_SOURCE_DEPTH; j++)
			worker->buffers[j] = g_malloc((gsize)VK_SOURCE_READ_MAX);
	}
	return g_steal_pointer(&session);
}

void vk_session_set_limit(VkSession *session, VkRateLimit *limit)
{
	session->limit = limit;
}

static void drop_pack(VkSession *session, VkPackWriter *pack)
{
	VkPackId id = vk_pack_writer_id(pack);

	vk_block_cache_unpin_pack(session->vault->blocks, &id);
	vk_pack_writer_free(pack);
}

void vk_session_commit_hints(VkSession *session)
{
	VkHints *hints = g_atomic_pointer_get(&session->hints);
	g_autoptr(GError) trouble = NULL;

	if (hints && !vk_hints_commit(hints, &trouble))
		vk_log_debug("hints are lost, ignoring: %s", trouble->message);
}

void vk_session_free(VkSession *session)
{
	if (!session)
		return;
	if (session->map_pack)
		drop_pack(session, session->map_pack);
	for (guint i = 0; i < session->n_workers; i++) {
		VkWorker *worker = &session->workers[i];

		drop_pack(session, worker->pack);
		vk_hasher_free(worker->hasher);
		vk_codec_free(worker->codec);
		vk_pack_table_unref(worker->followed);
		for (guint j = 0; j < VK_SOURCE_DEPTH; j++)
			g_free(worker->buffers[j]);
	}
	g_free(session->workers);
	if (session->hints) {
		vk_session_commit_hints(session);
		unshare_hints(session->vault);
	}
	vk_session_end_lease(session); /* nothing of it is under way any more */
	vk_announcement_free(session->condemned);
	vk_healer_free(session->healer);
	g_hash_table_unref(session->seen);
	g_mutex_clear(&session->seen_mutex);
	g_mutex_clear(&session->finders_mutex);
	vk_hasher_free(session->hasher);
	vk_codec_free(session->codec);
	g_free(session);
}

static gsize total_size(const GPtrArray *slots)
{
	gsize total = 0;

	for (guint i = 0; i < slots->len; i++)
		total += g_bytes_get_size(slots->pdata[i]);
	return total;
}

/*
 * The last segment of a run goes behind the data of the first worker, so that a small snapshot
 * makes no small pack for its map. While workers write, segments have a pack of their own.
 */
gboolean vk_session_store_segment(gpointer user, const GPtrArray *slots, gboolean last,
				  VkPackId *ret_pack, guint32 *ret_slot, GError **error)
{
	VkSession *session = user;
	VkPackWriter *pack = session->workers[0].pack;

	if (!last) {
		if (!session->map_pack)
			session->map_pack = new_pack_writer(session);
		pack = session->map_pack;
	}
	if (!vk_pack_writer_has_room(pack, slots->len, total_size(slots)) &&
	    !vk_pack_writer_send(pack, error))
		return FALSE;
	*ret_pack = vk_pack_writer_id(pack);
	for (guint i = 0; i < slots->len; i++) {
		VkNewSlot slot = {.kind = i ? VK_SLOT_KIND_MAP : VK_SLOT_KIND_DIRECTORY};
		gconstpointer data = g_bytes_get_data(slots->pdata[i], &slot.length);
		guint32 number;

		slot.id = vk_hasher_id(session->hasher, data, slot.length);
		slot.bytes = vk_codec_encode(session->codec, data, slot.length, &slot.stored_length,
					     &slot.compression);
		number = vk_pack_writer_append(pack, &slot);
		vk_block_cache_pin(session->vault->blocks, ret_pack, number, slots->pdata[i]);
		if (i == 0)
			*ret_slot = number;
	}
	return TRUE;
}

typedef gboolean (*PackCall)(VkPackWriter *pack, GError **error);

static gboolean for_packs(VkSession *session, PackCall call, GError **error)
{
	for (guint i = 0; i < session->n_workers; i++)
		if (!call(session->workers[i].pack, error))
			return FALSE;
	return !session->map_pack || call(session->map_pack, error);
}

void vk_session_settle(VkSession *session)
{
	for (guint i = 0; i < session->n_workers; i++)
		vk_pack_writer_wait(session->workers[i].pack, NULL);
	if (session->map_pack)
		vk_pack_writer_wait(session->map_pack, NULL);
}

gboolean vk_session_put_packs(VkSession *session, GError **error)
{
	if (for_packs(session, vk_pack_writer_send, error) &&
	    for_packs(session, vk_pack_writer_wait, error))
		return TRUE;
	vk_session_settle(session);
	return FALSE;
}
