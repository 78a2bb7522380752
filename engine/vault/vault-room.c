/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-room.h"

#include "aead.h"
#include "checked-json.h"
#include "layout.h"
#include "vault-parts.h"

#include "errors.h"
#include "log.h"

/* A mark or a lease takes a block or two of the file system. */
#define RESERVE_COUNT 4u
#define RESERVE_SIZE  ((gsize)256 * 1024)

/* Removes COUNT objects of FOLDER at the most. FALSE: none could be removed. */
static gboolean remove_some(VkStore *store, const char *folder, guint count)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, NULL);
	guint removed = 0;

	for (guint i = 0; names && i < names->len && removed < count; i++) {
		g_autofree char *name = g_build_filename(folder, names->pdata[i], NULL);

		if (store->ops->delete (store, name, NULL))
			removed++;
	}
	return removed > 0;
}

gboolean vk_vault_make_room(VkVault *vault, GError **trouble)
{
	if (!g_error_matches(*trouble, VK_ERROR, VK_ERROR_FULL) ||
	    (!remove_some(vault->store, VK_FOLDER_RESERVE, 1) &&
	     !remove_some(vault->store, VK_FOLDER_HINTS, G_MAXUINT)))
		return FALSE;
	g_clear_error(trouble);
	return TRUE;
}

static gboolean put_noise(VkStore *store, const char *name, GError **error)
{
	g_autofree guint8 *noise = g_malloc(RESERVE_SIZE);
	const struct iovec part = {.iov_base = noise, .iov_len = RESERVE_SIZE};

	vk_random_bytes(noise, RESERVE_SIZE);
	return vk_store_put(store, name, &part, 1, VK_PUT_LATER, error);
}

/* Another process may put the same one meanwhile. */
void vk_vault_fill_reserve(VkVault *vault)
{
	VkStore *store = vault->store;
	g_autoptr(GPtrArray) names = store->ops->list(store, VK_FOLDER_RESERVE, NULL);
	g_autoptr(GError) trouble = NULL;

	for (guint i = 0; names && i < RESERVE_COUNT && !trouble; i++) {
		g_autofree char *number = g_strdup_printf("%u", i);
		g_autofree char *name = g_build_filename(VK_FOLDER_RESERVE, number, NULL);

		if (g_ptr_array_find_with_equal_func(names, number, g_str_equal, NULL))
			continue;
		put_noise(store, name, &trouble);
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
			g_clear_error(&trouble);
	}
	if (!trouble)
		store->ops->sync(store, &trouble);
	if (trouble)
		vk_log_debug("the reserve is not whole, ignoring: %s", trouble->message);
}

gboolean vk_vault_put_json(VkVault *vault, const char *name, const json_t *object, VkPutMode mode,
			   GError **error)
{
	GError *trouble = NULL;
	gboolean done;

	do
		done = vk_checked_json_put(vault->store, name, object, mode, &trouble);
	while (!done && vk_vault_make_room(vault, &trouble));
	if (!done)
		g_propagate_error(error, trouble);
	return done;
}

VkLease *vk_vault_begin_lease(VkVault *vault, VkLeaseKind kind, const char *const *snapshots,
			      GError **error)
{
	GError *trouble = NULL;
	VkLease *lease;

	do
		lease = vk_lease_begin(vault->store, kind, snapshots, &trouble);
	while (!lease && vk_vault_make_room(vault, &trouble));
	if (!lease)
		g_propagate_error(error, trouble);
	return lease;
}
