/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mending.h"

#include "mend-log.h"

#include "errors.h"
#include "interrupt.h"

/* So long an answer of the storage that said nothing is not asked for again. */
#define PAUSE_US ((gint64)30 * G_USEC_PER_SEC)

struct VkMending {
	GMutex mutex;
	gint64 failed; /* when the last look ended that was not definite, or 0; under the mutex */
	gboolean is_settled; /* another look finds nothing else; under the mutex */
	VkMended *mended;    /* set under the mutex, read without it */
	VkMended *former;    /* what it was before it was settled: somebody may read it */
};

VkMending *vk_mending_new(void)
{
	VkMending *mending = g_new0(VkMending, 1);

	g_mutex_init(&mending->mutex);
	return mending;
}

void vk_mending_free(VkMending *mending)
{
	if (!mending)
		return;
	vk_mended_free(mending->mended);
	vk_mended_free(mending->former);
	g_mutex_clear(&mending->mutex);
	g_free(mending);
}

const VkMended *vk_mending_mended(VkMending *mending)
{
	return g_atomic_pointer_get(&mending->mended);
}

gboolean vk_mending_get(VkMending *mending, VkStore *store, const char *object, guint64 offset,
			void *buf, gsize length, GError **error)
{
	const VkMended *mended = vk_mending_mended(mending);

	return mended ? vk_mended_get(mended, store, object, offset, buf, length, error)
		      : store->ops->get(store, object, offset, buf, length, error);
}

/* What of a pack is lost that it gives back. New string; NULL: nothing. */
static char *describe(const char *object, const VkMendedFacts *facts)
{
	guint lost = facts->damaged + facts->unread;

	if (lost > 0 && !vk_mended_is_too_much(facts))
		return g_strdup_printf("'%s' %s in %u of its %u shards: its parity gives them "
				       "back; check the storage that the vault lies on",
				       object, facts->unread ? "cannot be read" : "is damaged",
				       lost, facts->shards);
	if (facts->end)
		return g_strdup_printf("'%s' has lost one of the two copies of its end; check the "
				       "storage that the vault lies on",
				       object);
	return NULL;
}

static void tell(const VkPackContext *context, const char *object, const char *text)
{
	if (context->mend_log)
		vk_mend_log_add(context->mend_log, object, text);
}

/*
 * Whether another look can find nothing else: what it gives back has the right checksums, so only
 * errors that may pass leave that open. FACTS are of MENDED; if that is NULL, FAILURE is why.
 */
static gboolean is_definite(const VkMended *mended, const VkMendedFacts *facts,
			    const GError *failure)
{
	if (!mended)
		return g_error_matches(failure, VK_ERROR, VK_ERROR_NOT_FOUND) ||
		       g_error_matches(failure, VK_ERROR, VK_ERROR_DAMAGE);
	return facts->unread == 0 || !vk_mended_is_too_much(facts);
}

/* Only the first answer that is not definite is kept: the end may be of use. */
static void keep_locked(VkMending *mending, VkMended *mended)
{
	if (!mending->mended || mending->is_settled) {
		mending->former = mending->mended;
		g_atomic_pointer_set(&mending->mended, mended);
	} else {
		vk_mended_free(mended);
	}
}

/* A pack whose table cannot be read has a new VkMending with each try, so the log has it, too. */
static void note_failed_locked(VkMending *mending, const VkPackContext *context, const char *object)
{
	mending->failed = mending->is_settled ? 0 : g_get_monotonic_time();
	if (context->mend_log)
		vk_mend_log_set_failed(context->mend_log, object, mending->failed);
}

/* Reads the whole pack because of TROUBLE. Whether another try to read it may help. */
static gboolean look_locked(VkMending *mending, VkStore *store, const VkPackContext *context,
			    const VkPackId *id, const char *object, const GError *trouble)
{
	VkMendedFacts facts = {0};
	g_autoptr(GError) failure = NULL;
	g_autoptr(VkMended) mended = vk_mended_new(store, context, id, object, &facts, &failure);
	gboolean was_damage = g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE);
	gboolean is_lost = facts.damaged + facts.unread > 0 || facts.end;
	g_autofree char *text = mended ? describe(object, &facts) : NULL;

	/* The trouble has passed, and the next one may be another. */
	if (mended && !is_lost && !was_damage)
		return TRUE;
	mending->is_settled = is_definite(mended, &facts, failure);
	note_failed_locked(mending, context, object);
	if (text) {
		tell(context, object, text);
		keep_locked(mending, g_steal_pointer(&mended));
	}
	return mending->mended != NULL;
}

/* A server may fail to read what it has lost. */
static gboolean may_be_damage(const GError *error)
{
	return g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE) ||
	       g_error_matches(error, VK_ERROR, VK_ERROR_FAILED);
}

/*
 * Whether a look would find out nothing that was not found lately. Where damage was read the
 * storage answers again.
 */
static gboolean is_idle_locked(const VkMending *mending, const VkPackContext *context,
			       const char *object, const GError *trouble)
{
	gint64 failed = mending->failed;

	if (mending->is_settled)
		return TRUE;
	if (failed == 0 && context->mend_log)
		failed = vk_mend_log_failed(context->mend_log, object);
	return failed != 0 && !g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) &&
	       g_get_monotonic_time() - failed < PAUSE_US;
}

gboolean vk_mending_try(VkMending *mending, VkStore *store, const VkPackContext *context,
			const VkPackId *id, const char *object, GError **trouble)
{
	gboolean may_help;

	if (!context->parity || vk_interrupted() || !may_be_damage(*trouble))
		return FALSE;
	g_mutex_lock(&mending->mutex);
	may_help = is_idle_locked(mending, context, object, *trouble)
			   ? mending->mended != NULL
			   : look_locked(mending, store, context, id, object, *trouble);
	g_mutex_unlock(&mending->mutex);
	if (may_help)
		g_clear_error(trouble);
	return may_help;
}

/* More is lost than parity gives back. */
static gboolean fail_too_much(const char *object, const VkMendedFacts *facts, GError **error)
{
	if (facts->damaged > VK_MENDED_MAX)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "'%s' is damaged in %u of its %u shards, but its parity gives back "
			       "only %u; check the storage that the vault lies on",
			       object, facts->damaged, facts->shards, VK_MENDED_MAX);
	return vk_fail(error, VK_ERROR_FAILED,
		       "'%s' cannot be read in more of its %u shards than its parity gives back; "
		       "check the storage that the vault lies on",
		       object, facts->shards);
}

gboolean vk_mending_check(VkStore *store, const VkPackContext *context, const VkPackId *id,
			  const char *object, GError **error)
{
	VkMendedFacts facts = {0};
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkMended) mended =
		context->parity ? vk_mended_new(store, context, id, object, &facts, &trouble)
				: NULL;
	g_autofree char *text = mended ? describe(object, &facts) : NULL;

	if (trouble && !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (vk_mended_is_too_much(&facts))
		return fail_too_much(object, &facts, error);
	if (trouble)
		tell(context, object, trouble->message);
	else if (text)
		tell(context, object, text);
	return TRUE;
}
