/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the images of a guest hold of our checkpoints, what libvirt knows of them, and the removal
 * of both.
 */
#include "checkpoint.h"

#include "guest-checkpoints.h"
#include "checkpoint-xml.h"
#include "errors.h"
#include "image-bitmaps-priv.h"

void vk_checkpoint_fact_free(VkCheckpointFact *fact)
{
	g_free(fact->name);
	g_free(fact->vault_id8);
	g_free(fact->target);
	g_free(fact);
}

static VkCheckpointFact *add_fact(GPtrArray *facts, const char *name, const char *target)
{
	VkCheckpointFact *fact;

	for (guint i = 0; i < facts->len; i++) {
		fact = g_ptr_array_index(facts, i);
		if (g_str_equal(fact->name, name) && g_strcmp0(fact->target, target) == 0)
			return fact;
	}
	fact = g_new0(VkCheckpointFact, 1);
	fact->name = g_strdup(name);
	fact->vault_id8 = vk_checkpoint_vault_id8(name);
	fact->target = g_strdup(target);
	g_ptr_array_add(facts, fact);
	return fact;
}

static gboolean add_libvirt_facts(GPtrArray *facts, VkGuest *guest, GError **error)
{
	g_autoptr(GPtrArray) names = vk_checkpoint_names(guest, error);

	if (!names)
		return FALSE;
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *xml = NULL;
		g_autoptr(VkCheckpointInfo) info = NULL;

		if (!vk_checkpoint_is_ours(name, NULL))
			continue;
		add_fact(facts, name, NULL)->in_libvirt = TRUE;
		xml = vk_checkpoint_get_xml(guest, name, error);
		info = xml ? vk_checkpoint_parse(xml, error) : NULL;
		if (!info)
			return FALSE;
		for (guint j = 0; j < info->targets->len; j++)
			add_fact(facts, name, g_ptr_array_index(info->targets, j))->in_libvirt =
				TRUE;
	}
	return TRUE;
}

/* *RET_UNREADABLE gets the error of the first image that cannot be examined. */
static void add_image_facts(GPtrArray *facts, VkGuest *guest, const VkDomain *domain,
			    gboolean is_off, GError **ret_unreadable)
{
	for (guint i = 0; i < domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(domain->disks, i);
		g_autoptr(VkImageBitmaps) bitmaps = NULL;

		if (vk_domain_disk_skip_reason(disk))
			continue;
		bitmaps = vk_image_bitmaps_read(vk_guest_host(guest), disk,
						*ret_unreadable ? NULL : ret_unreadable);
		for (guint j = 0; bitmaps && j < bitmaps->bitmaps->len; j++) {
			const VkImageBitmap *bitmap = g_ptr_array_index(bitmaps->bitmaps, j);
			VkCheckpointFact *fact;

			if (bitmap->below || !vk_checkpoint_is_ours(bitmap->name, NULL))
				continue;
			fact = add_fact(facts, bitmap->name, disk->target);
			fact->in_image = TRUE;
			fact->broken = is_off && bitmap->in_use;
		}
	}
}

/* What is to be known before anything is done. */
typedef struct {
	VkGuest *guest; /* borrowed */
	VkGuestFacts *guest_facts;
	VkDomain *domain;
	GPtrArray *facts;   /* VkCheckpointFact */
	GError *unreadable; /* why an image of the guest could not be examined; NULL: all were */
} Survey;

static void survey_clear(Survey *survey)
{
	vk_guest_facts_free(survey->guest_facts);
	vk_domain_free(survey->domain);
	g_clear_pointer(&survey->facts, g_ptr_array_unref);
	g_clear_error(&survey->unreadable);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Survey, survey_clear)

static gboolean is_off(const Survey *survey)
{
	return survey->guest_facts->live_xml == NULL;
}

static gboolean make_survey(Survey *survey, VkGuest *guest, GError **error)
{
	survey->guest = guest;
	survey->facts = g_ptr_array_new_with_free_func((GDestroyNotify)vk_checkpoint_fact_free);
	survey->guest_facts = vk_guest_get_facts(guest, error);
	if (!survey->guest_facts)
		return FALSE;
	survey->domain = vk_domain_parse(vk_guest_facts_present_xml(survey->guest_facts), error);
	if (!survey->domain || !add_libvirt_facts(survey->facts, guest, error))
		return FALSE;
	add_image_facts(survey->facts, guest, survey->domain, is_off(survey), &survey->unreadable);
	return TRUE;
}

static gboolean is_complete(Survey *survey, GError **error)
{
	if (!survey->unreadable)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&survey->unreadable));
	return FALSE;
}

GPtrArray *vk_checkpoint_list(VkGuest *guest, GError **error)
{
	g_auto(Survey) survey = {0};

	if (!make_survey(&survey, guest, error) || !is_complete(&survey, error))
		return NULL;
	return g_steal_pointer(&survey.facts);
}

/*
 * QEMU removes a bitmap for libvirt only as part of a checkpoint whose bitmaps are all there: so
 * each is made one for itself.
 */
static gboolean remove_live(const Survey *survey, const VkCheckpointFact *fact,
			    gboolean *ret_removed, GError **error)
{
	g_autofree char *now =
		g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
	g_autoptr(GPtrArray) alone = g_ptr_array_new();
	g_autofree char *xml = NULL;

	*ret_removed = FALSE;
	g_ptr_array_add(alone, fact->target);
	xml = vk_checkpoint_build_xml(survey->domain, fact->name, alone, now,
				      vk_guest_facts_present_xml(survey->guest_facts), error);
	return xml && vk_checkpoint_define(survey->guest, xml, FALSE, NULL, error) &&
	       vk_checkpoint_delete_whole(survey->guest, fact->name, ret_removed, error);
}

/* The checkpoint NAME, with its bitmaps, if it is as libvirt thinks. */
static gboolean delete_checkpoint(const Survey *survey, const char *name, GError **error)
{
	return is_off(survey) ? vk_checkpoint_forget(survey->guest, name, error)
			      : vk_checkpoint_delete(survey->guest, name, error);
}

static gboolean is_dropped(const VkCheckpointFact *fact, const char *vault_id, const char *keep)
{
	return vk_checkpoint_is_ours(fact->name, vault_id) && g_strcmp0(fact->name, keep) != 0;
}

/* The bitmaps that are still in the images after their checkpoints are gone. */
static gboolean remove_bitmaps(VkGuest *guest, const Survey *survey, const char *vault_id,
			       const char *keep, guint *ret_left, GError **error)
{
	for (guint i = 0; i < survey->facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(survey->facts, i);
		gboolean removed = TRUE;

		if (!fact->target || !fact->in_image || !is_dropped(fact, vault_id, keep))
			continue;
		if (is_off(survey))
			removed = vk_image_bitmap_remove(
				vk_guest_host(guest),
				vk_domain_find_disk(survey->domain, fact->target), fact->name,
				NULL);
		else if (!remove_live(survey, fact, &removed, error))
			return FALSE;
		*ret_left += removed ? 0 : 1;
	}
	return TRUE;
}

gboolean vk_checkpoint_drop_others(VkGuest *guest, const char *vault_id, const char *keep,
				   guint *ret_left, GError **error)
{
	g_auto(Survey) survey = {0};
	g_auto(Survey) after = {0};
	guint left = 0;

	if (ret_left)
		*ret_left = 0;
	if (!make_survey(&survey, guest, error))
		return FALSE;
	for (guint i = 0; i < survey.facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(survey.facts, i);

		if (!fact->target && is_dropped(fact, vault_id, keep) &&
		    !delete_checkpoint(&survey, fact->name, error))
			return FALSE;
	}
	/* QEMU writes the images' lists of bitmaps at once, so a second look shows what is left. */
	if (!make_survey(&after, guest, error) ||
	    !remove_bitmaps(guest, &after, vault_id, keep, &left, error))
		return FALSE;
	if (ret_left)
		*ret_left = left;
	return is_complete(&after, error);
}
