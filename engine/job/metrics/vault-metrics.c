/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "metrics-priv.h"

#include "catalog.h"
#include "check-record.h"
#include "health.h"
#include "space.h"

static void add(VkExposition *exposition, VkVault *vault, const char *name, const char *help,
		double value)
{
	vk_exposition_begin(exposition, name, help);
	vk_exposition_add(exposition, value, "vault", vk_vault_url(vault), NULL);
}

static void add_usage(VkExposition *exposition, VkVault *vault, const VkVaultUsage *usage)
{
	vk_exposition_begin(exposition, "virtkeep_vault_info", "1; its labels name the vault.");
	vk_exposition_add(exposition, 1, "vault", vk_vault_url(vault), "id", vk_vault_id(vault),
			  NULL);
	add(exposition, vault, "virtkeep_vault_packs", "Packs in the vault.", (double)usage->packs);
	add(exposition, vault, "virtkeep_vault_stored_bytes", "What these take.",
	    (double)usage->bytes);
	if (!usage->has_room)
		return;
	add(exposition, vault, "virtkeep_vault_free_bytes", "Free space where the vault lies.",
	    (double)usage->free);
	add(exposition, vault, "virtkeep_vault_room_bytes", "All space where the vault lies.",
	    (double)usage->total);
}

/* What was never done has no time. */
static void add_time(VkExposition *exposition, VkVault *vault, const char *name, const char *help,
		     gint64 seconds)
{
	if (seconds > 0)
		add(exposition, vault, name, help, (double)seconds);
}

static void add_health(VkExposition *exposition, VkVault *vault, const VkHealthSummary *health)
{
	add(exposition, vault, "virtkeep_vault_damaged_packs",
	    "Packs with blocks that cannot be read, as far as is known.", health->damaged);
	add(exposition, vault, "virtkeep_vault_unread_packs", "Packs that were never read back.",
	    health->unread);
	add_time(exposition, vault, "virtkeep_vault_oldest_read_timestamp_seconds",
		 "When the pack was read back that has waited for the longest.",
		 health->oldest / G_USEC_PER_SEC);
}

static gboolean add_checks(VkExposition *exposition, VkVault *vault, GError **error)
{
	VkCheckRecord any, data;

	if (!vk_check_record_last(vault, FALSE, &any, error) ||
	    !vk_check_record_last(vault, TRUE, &data, error))
		return FALSE;
	add_time(exposition, vault, "virtkeep_vault_last_check_timestamp_seconds",
		 "When the vault was last checked.", any.time);
	if (any.time > 0)
		add(exposition, vault, "virtkeep_vault_last_check_errors",
		    "Errors that this check found.", (double)any.errors);
	add_time(exposition, vault, "virtkeep_vault_last_data_check_timestamp_seconds",
		 "When all of its data was last checked at once.", data.time);
	return TRUE;
}

gboolean vk_metrics_add_vault(VkExposition *exposition, VkVault *vault, GError **error)
{
	g_autoptr(VkHealth) health = vk_health_load(vault, error);
	VkHealthSummary summary;
	VkVaultUsage usage;

	if (!health || !vk_health_summarize(health, &summary, error) ||
	    !vk_vault_usage(vault, &usage, error))
		return FALSE;
	add_usage(exposition, vault, &usage);
	add_health(exposition, vault, &summary);
	return add_checks(exposition, vault, error);
}

static guint64 logical(const VkSpace *space)
{
	return space->logical;
}

static guint64 unique(const VkSpace *space)
{
	return space->unique;
}

static guint64 shared(const VkSpace *space)
{
	return space->shared;
}

static const struct {
	const char *name, *help;
	guint64 (*value)(const VkSpace *space);
} spaces[] = {
	{"virtkeep_guest_logical_bytes",
	 "Data of all its snapshots, as if each was stored alone and as it is.", logical},
	{"virtkeep_guest_unique_bytes", "Stored for this guest alone.", unique},
	{"virtkeep_guest_shared_bytes", "Stored for it and for other guests.", shared},
};

gboolean vk_metrics_add_space(VkExposition *exposition, VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_catalog_guests(vault, error);
	g_autoptr(GPtrArray) each = NULL;
	VkSpace all;

	if (guests)
		each = vk_space_measure(vault, guests, guests, g_get_real_time() / G_USEC_PER_SEC,
					&all, error);
	if (!each)
		return FALSE;
	for (gsize k = 0; k < G_N_ELEMENTS(spaces); k++) {
		vk_exposition_begin(exposition, spaces[k].name, spaces[k].help);
		for (guint i = 0; i < each->len; i++) {
			const VkSpaceOfGuest *one = g_ptr_array_index(each, i);

			vk_exposition_add(exposition, (double)spaces[k].value(&one->space), "vault",
					  vk_vault_url(vault), "guest", one->guest->view_name,
					  "uuid", one->guest->uuid, NULL);
		}
	}
	add(exposition, vault, "virtkeep_vault_logical_bytes",
	    "Data of all snapshots, as if each was stored alone and as it is.",
	    (double)all.logical);
	add(exposition, vault, "virtkeep_vault_used_bytes",
	    "What snapshots need of that which is stored.", (double)(all.unique + all.shared));
	return TRUE;
}
