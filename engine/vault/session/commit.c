/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commit: packs first, then their names, then the snapshot object, by which it is there. What a
 * lost pack held is never referred to. The steps are those of tests/model/README.md.
 */
#include "session-priv.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "commit-again.h"
#include "commit-time.h"
#include "checked-json.h"
#include "errors.h"
#include "log.h"
#include "text.h"

/*
 * An image that was loaded is durable, for example the firmware of a snapshot whose disks are
 * copied.
 */
static gboolean is_current(const VkSession *session, const VkImageRecord *image, GError **error)
{
	if (!image->runs || image->epoch == 0 || image->epoch == session->epoch)
		return TRUE;
	if (image->epoch < session->lease_epoch)
		return vk_fail(error, VK_ERROR_FAILED,
			       "an image was saved before another snapshot: the snapshot is not "
			       "saved");
	return vk_fail(error, VK_ERROR_FAILED,
		       "a pack of the snapshot was lost: the snapshot is not saved");
}

static gboolean images_are_current(const VkSession *session, const VkSnapshot *snapshot,
				   GError **error)
{
	for (guint i = 0; i < snapshot->disks->len; i++)
		if (!is_current(session, ((VkDiskRecord *)snapshot->disks->pdata[i])->image, error))
			return FALSE;
	for (guint i = 0; i < snapshot->files->len; i++)
		if (!is_current(session, ((VkFileRecord *)snapshot->files->pdata[i])->image, error))
			return FALSE;
	return TRUE;
}

/* What is not healed stays damaged: that is no reason to have no snapshot. */
static void heal(VkHealer *healer)
{
	guint before = vk_healer_count_healed(healer);
	g_autoptr(GError) trouble = NULL;
	gboolean done = vk_healer_put(healer, &trouble);
	g_autofree char *blocks =
		vk_count_text(vk_healer_count_healed(healer) - before, "damaged block");

	if (!done)
		vk_log_warning("the vault is not healed: %s", trouble->message);
	if (vk_healer_count_healed(healer) > before)
		vk_log_info("healed %s of earlier snapshots", blocks);
}

/* All that the images of SNAPSHOT refer to is durable then. */
static gboolean finish_images(VkSession *session, const VkSnapshot *snapshot, GError **error)
{
	VkStore *store = session->vault->store;

	if (session->healer)
		heal(session->healer);
	return vk_session_put_packs(session, error) &&
	       images_are_current(session, snapshot, error) && store->ops->sync(store, error);
}

/*
 * Puts OBJECT as NAME, by which all that it refers to is there. REPLICA: the snapshot, if another
 * vault has it; else NULL. Whatever happens, the lease is used up then: its intent says nothing of
 * the next try.
 */
static gboolean publish(VkSession *session, const char *name, json_t *object,
			const VkSnapshot *replica, GError **error)
{
	g_autoptr(GError) trouble = NULL;

	if (!vk_lease_put_intent(session->lease, name, object, error) || /* W5 */
	    !vk_session_check_fence(session, error) ||                   /* W6 */
	    (replica && !vk_commit_again_check(session, replica, error))) {
		vk_session_end_lease(session); /* W8 */
		return FALSE;
	}
	/* W7 */
	if (vk_checked_json_put(session->vault->store, name, object, VK_PUT_NOW, &trouble) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		vk_session_end_lease(session); /* W8 */
	else
		/* A power cut may bring it back. */
		vk_lease_leave_open(g_steal_pointer(&session->lease));
	if (!trouble)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean put_snapshot(VkSession *session, const VkSnapshot *snapshot, gboolean is_replica,
			     GError **error)
{
	g_autofree char *name =
		vk_snapshot_key_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	/* What a reader would refuse is not published. */
	g_autoptr(VkSnapshot) reread = vk_snapshot_from_json(object, error);

	if (!reread || !publish(session, name, object, is_replica ? snapshot : NULL, error))
		return FALSE;
	vk_chain_remember(session->vault, snapshot, object);
	return TRUE;
}

static gboolean claim_time(VkSession *session, VkSnapshot *snapshot, gboolean is_replica,
			   char **ret_claim, GError **error)
{
	if (!is_replica)
		return vk_commit_time_claim(session->vault, snapshot, ret_claim, error);
	return vk_commit_time_claim_own(session->vault, snapshot, vk_lease_id(session->lease),
					ret_claim, error);
}

static gboolean commit(VkSession *session, VkSnapshot *snapshot, gboolean is_replica,
		       GError **error)
{
	char *claim;
	gboolean done;

	if (!vk_session_ensure_lease(session, error) || !finish_images(session, snapshot, error) ||
	    !claim_time(session, snapshot, is_replica, &claim, error))
		return FALSE;
	done = put_snapshot(session, snapshot, is_replica, error);
	vk_commit_time_release(session->vault, claim);
	if (done)
		vk_session_commit_hints(session);
	return done;
}

gboolean vk_session_commit(VkSession *session, VkSnapshot *snapshot, GError **error)
{
	return commit(session, snapshot, FALSE, error);
}

gboolean vk_session_commit_replica(VkSession *session, VkSnapshot *snapshot, GError **error)
{
	return commit(session, snapshot, TRUE, error);
}

gboolean vk_session_commit_copies(VkSession *session, const VkSnapshot *snapshot, GError **error)
{
	g_autofree char *name =
		vk_snapshot_copies_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autoptr(json_t) object = NULL;

	if (!vk_session_ensure_lease(session, error) || !finish_images(session, snapshot, error))
		return FALSE;
	object = vk_snapshot_copies_to_json(snapshot);
	if (!publish(session, name, object, NULL, error))
		return FALSE;
	vk_session_commit_hints(session);
	return TRUE;
}
