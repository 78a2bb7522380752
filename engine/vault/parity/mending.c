/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mending.h"

#include "errors.h"
#include "mend-log.h"

struct VkMending {
	GMutex mutex;
	gboolean tried;   /* under the mutex */
	VkMended *mended; /* set once, under the mutex; read without */
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

static gboolean is_too_much(const VkMendedFacts *facts)
{
	return facts->damaged > VK_MENDED_MAX;
}

/* What of a pack is damaged that it gives back. New string; NULL: nothing. */
static char *describe(const char *object, const VkMendedFacts *facts)
{
	if (facts->damaged > 0 && !is_too_much(facts))
		return g_strdup_printf("'%s' is damaged in %u of its %u shards: its parity gives "
				       "them back; check the storage that the vault lies on",
				       object, facts->damaged, facts->shards);
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

/* Reads the whole pack. NULL: that does not help. */
static VkMended *mend(VkStore *store, const VkPackContext *context, const VkPackId *id,
		      const char *object)
{
	VkMendedFacts facts;
	g_autoptr(VkMended) mended = vk_mended_new(store, context, id, object, &facts, NULL);
	g_autofree char *text = mended ? describe(object, &facts) : NULL;

	if (!text)
		return NULL;
	tell(context, object, text);
	return g_steal_pointer(&mended);
}

/* A disk's error is not VK_ERROR_DAMAGE. */
static gboolean may_be_damage(const GError *error)
{
	return g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE) ||
	       g_error_matches(error, VK_ERROR, VK_ERROR_FAILED);
}

gboolean vk_mending_try(VkMending *mending, VkStore *store, const VkPackContext *context,
			const VkPackId *id, const char *object, GError **trouble)
{
	if (!context->parity || !may_be_damage(*trouble))
		return FALSE;
	g_mutex_lock(&mending->mutex);
	if (!mending->tried)
		g_atomic_pointer_set(&mending->mended, mend(store, context, id, object));
	mending->tried = TRUE;
	g_mutex_unlock(&mending->mutex);
	if (!vk_mending_mended(mending))
		return FALSE;
	g_clear_error(trouble);
	return TRUE;
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

	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (is_too_much(&facts))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "'%s' is damaged in %u of its %u shards, but its parity gives back "
			       "only %u; check the storage that the vault lies on",
			       object, facts.damaged, facts.shards, VK_MENDED_MAX);
	if (trouble)
		tell(context, object, trouble->message);
	else if (text)
		tell(context, object, text);
	return TRUE;
}
