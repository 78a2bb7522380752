/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vault-check.h"

#include "check-priv.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "mend-log.h"
#include "read-lease.h"
#include "vault-parts.h"

#include <string.h>

/* A vault that is damaged everywhere is not listed pack by pack. */
#define ERRORS_MAX 1000

static void check_error_free(gpointer data)
{
	VkCheckError *error = data;

	g_free(error->snapshot);
	g_free(error->image);
	g_free(error->object);
	g_free(error->slots);
	g_free(error->what);
	g_free(error);
}

char *vk_check_error_text(const VkCheckError *error)
{
	return error->snapshot
		       ? g_strdup_printf("'%s' %s: %s", error->snapshot, error->image, error->what)
		       : g_strdup(error->what);
}

guint64 vk_check_result_count_errors(const VkCheckResult *result)
{
	return result->errors->len + result->unlisted;
}

VkCheckResult *vk_check_result_new(void)
{
	VkCheckResult *result = g_new0(VkCheckResult, 1);

	result->errors = g_ptr_array_new_with_free_func(check_error_free);
	return result;
}

void vk_check_result_free(VkCheckResult *result)
{
	if (!result)
		return;
	g_ptr_array_unref(result->errors);
	g_clear_pointer(&result->mended, g_ptr_array_unref);
	g_free(result);
}

/* What is wrong with snapshots and their images is limited apart: packs must not take its room. */
void vk_check_report(VkCheck *check, const VkCheckPlace *place, const char *what)
{
	guint *listed = &check->listed[place->snapshot != NULL];
	VkCheckError *error;

	if (*listed >= ERRORS_MAX) {
		check->result->unlisted++;
		return;
	}
	error = g_new0(VkCheckError, 1);
	error->snapshot = g_strdup(place->snapshot);
	error->image = g_strdup(place->image);
	error->object = g_strdup(place->object);
	error->offset = place->offset;
	error->length = place->length;
	error->what = g_strdup(what);
	if (place->slots && vk_slots_count(place->slots) > 0)
		error->slots = g_memdup2(place->slots, sizeof(*place->slots));
	g_ptr_array_add(check->result->errors, error);
	(*listed)++;
}

/* Where the walk through an image's map finds something wrong. */
typedef struct ImageCheck {
	VkCheck *check;
	const VkCheckPlace *place;
} ImageCheck;

/* A pack is reported once, and not for each image: these are named at the end. */
static void report_extent(VkCheck *check, const VkExtent *extent, const GError *error)
{
	const VkCheckPlace nowhere = {0};
	VkSlots told, bad;

	if (!vk_slot_set_of_pack(check->told, &extent->pack, &told))
		vk_check_report(check, &nowhere, error->message);
	vk_slot_set_add(check->told, &extent->pack, 0, 1);
	vk_slot_set_add(check->bad, &extent->pack, extent->slot, extent->count);
	vk_slot_set_of_pack(check->bad, &extent->pack, &bad);
	if (g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE))
		vk_health_add_damage(check->health, &extent->pack, NULL, &bad, check->begun_usec);
}

static void note_trouble(gpointer data, const VkExtent *extent, const GError *error)
{
	const ImageCheck *image = data;
	VkCheck *check = image->check;

	check->is_damaged = TRUE;
	if (!extent) {
		check->is_walked = FALSE;
		vk_check_report(check, image->place, error->message);
	} else if (extent->kind == VK_EXTENT_DATA) {
		report_extent(check, extent, error);
	}
}

static void check_image(VkCheck *check, const VkCheckPlace *place, const VkImageRecord *record)
{
	ImageCheck image = {check, place};

	vk_reach_add(check->reach, record, note_trouble, &image);
}

void vk_check_visit_images(VkCheck *check, const VkSnapshot *snapshot, VkCheckVisit visit)
{
	g_autofree char *reference = vk_snapshot_reference(snapshot);

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = snapshot->disks->pdata[i];
		const VkCheckPlace place = {.snapshot = reference, .image = disk->target};

		/* Copies on arrays are not checked. */
		if (disk->image->runs)
			visit(check, &place, disk->image);
	}
	for (guint i = 0; i < snapshot->files->len; i++) {
		const VkFileRecord *file = snapshot->files->pdata[i];
		const VkCheckPlace place = {.snapshot = reference, .image = file->name};

		visit(check, &place, file->image);
	}
}

static void check_snapshot(VkCheck *check, const VkSnapshotKey *key)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(check->vault, key, &error);
	g_autofree char *object = vk_snapshot_key_object(key->uuid, key->time, key->id);
	const VkCheckPlace place = {.object = object};

	/* It was forgotten and removed since it was listed: there may be no lease. */
	if (g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND))
		return;
	check->result->snapshots++;
	if (snapshot)
		vk_check_visit_images(check, snapshot, check_image);
	/* Damaged later copies were passed over. */
	if (snapshot && (vk_snapshot_is_in_vault(snapshot) ||
			 vk_catalog_load_copies(check->vault, snapshot, &error)))
		return;
	check->is_walked = FALSE;
	vk_check_report(check, &place, error->message);
}

/* Blocks that the keyring cannot open would all look damaged. */
static gboolean may_read_data(const VkVault *vault, GError **error)
{
	return !vault->keyring || vk_keyring_get(vault->keyring, VK_KEY_PRIVATE) ||
	       vk_fail(error, VK_ERROR_DENIED,
		       "the key in use for the vault '%s' is of role %s: it does not open all "
		       "blocks; use one of role full or restore, or verify without --data",
		       vault->url, vk_role_word(vk_keyring_role(vault->keyring)));
}

/* Snapshots that are not there, though they should be, or that are others than they were. */
static gboolean check_chains(VkCheck *check, GError **error)
{
	g_autoptr(GPtrArray) texts = vk_chain_check(check->vault, check->options->uuids, error);
	const VkCheckPlace nowhere = {0};

	for (guint i = 0; texts && i < texts->len; i++)
		vk_check_report(check, &nowhere, g_ptr_array_index(texts, i));
	return texts != NULL;
}

static GPtrArray *list_keys(VkVault *vault, const char *const *uuids, GError **error)
{
	g_autoptr(GPtrArray) keys = NULL;

	if (!uuids)
		return vk_catalog_list(vault, NULL, error);
	keys = g_ptr_array_new_with_free_func((GDestroyNotify)vk_snapshot_key_free);
	for (; *uuids; uuids++) {
		GPtrArray *more = vk_catalog_list(vault, *uuids, error);

		if (!more)
			return NULL;
		g_ptr_array_extend_and_steal(keys, more);
	}
	return g_steal_pointer(&keys);
}

static gboolean walk(VkCheck *check, const GPtrArray *keys, GError **error)
{
	check->is_walked = !check->options->uuids;
	for (guint i = 0; i < keys->len && !vk_interrupted(); i++)
		check_snapshot(check, keys->pdata[i]);
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	check->result->packs = vk_slot_set_count_packs(check->reach->slots);
	if (!check_chains(check, error))
		return FALSE;
	if (check->is_walked)
		vk_health_add_walk(check->health, check->begun_usec);
	return TRUE;
}

static gboolean read_back(VkCheck *check, GError **error)
{
	g_autoptr(GArray) packs = vk_check_choose(check, error);

	if (!packs)
		return FALSE;
	vk_check_read_packs(check, packs);
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (check->options->share_of)
		vk_health_add_share(check->health, check->begun_usec);
	return TRUE;
}

/* A vault that cannot be written to is as good as any to be checked. */
void vk_check_save(VkCheck *check)
{
	g_autoptr(GError) trouble = NULL;

	if (!check->vault->may_put || !vk_health_save(check->health, &trouble))
		vk_log_debug("what this check found out about packs is not noted in the vault: %s",
			     trouble ? trouble->message : "it is read-only");
}

static gboolean run(VkCheck *check, GError **error)
{
	g_autoptr(GPtrArray) keys = list_keys(check->vault, check->options->uuids, error);

	if (!keys || !walk(check, keys, error))
		return FALSE;
	if (check->options->data && !read_back(check, error))
		return FALSE;
	if (check->is_damaged || vk_slot_set_count_packs(check->bad) > 0)
		vk_check_name_ranges(check, keys);
	return !vk_interrupted() || vk_fail_interrupted(error);
}

VkCheckResult *vk_check_vault(VkVault *vault, const VkCheckOptions *options, GError **error)
{
	g_autoptr(VkReadLease) lease = !options->data || may_read_data(vault, error)
					       ? vk_read_lease_begin(vault, NULL, error)
					       : NULL;
	g_autoptr(VkHealth) health = lease ? vk_health_load(vault, error) : NULL;
	g_autoptr(VkCheckResult) result = vk_check_result_new();
	g_autoptr(VkReach) reach = vk_reach_new(vault);
	g_autoptr(VkSlotSet) bad = vk_slot_set_new();
	g_autoptr(VkSlotSet) told = vk_slot_set_new();
	VkCheck check = {.vault = vault,
			 .options = options,
			 .result = result,
			 .health = health,
			 .reach = reach,
			 .bad = bad,
			 .told = told,
			 .begun_usec = g_get_real_time()};
	gboolean done;

	if (!health)
		return NULL;
	done = run(&check, error);
	vk_check_save(&check);
	result->mended = vk_mend_log_list(vault->context.mend_log);
	return done ? g_steal_pointer(&result) : NULL;
}
