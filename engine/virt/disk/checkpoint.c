/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "checkpoint.h"

#include "guest-checkpoints.h"
#include "checkpoint-xml.h"
#include "errors.h"
#include "image-bitmaps-priv.h"

#include <string.h>

/* What an examination goes by. */
typedef struct {
	VkGuest *guest;
	const VkGuestFacts *facts; /* without live_xml: the guest is off */
	const VkDomain *domain;
	const VkCheckpointInfo *info; /* NULL: there is no earlier checkpoint */
} Examination;

static void tracking_free(gpointer data)
{
	VkTracking *tracking = data;

	g_free(tracking->target);
	g_free(tracking->reason);
	g_free(tracking);
}

/* The checkpoint defined anew with the bitmaps of TARGETS only. */
static gboolean define(const Examination *exam, const GPtrArray *targets, gboolean validate,
		       gboolean *ret_whole, GError **error)
{
	g_autofree char *xml =
		vk_checkpoint_build_xml(exam->domain, exam->info->name, targets,
					exam->info->created, exam->facts->live_xml, error);

	return xml && vk_checkpoint_define(exam->guest, xml, validate, ret_whole, error);
}

/* QEMU alone knows what the bitmaps of a running guest are worth: it is asked through libvirt. */
static gboolean examine_live(const Examination *exam, VkTracking *tracking, GError **error)
{
	g_autoptr(GPtrArray) alone = g_ptr_array_new();

	g_ptr_array_add(alone, tracking->target);
	if (!define(exam, alone, TRUE, &tracking->usable, error))
		return FALSE;
	if (!tracking->usable)
		tracking->reason = g_strdup("its dirty bitmap is gone or broken, as when QEMU did "
					    "not end cleanly");
	return TRUE;
}

/*
 * A server of the image would take a bitmap from anywhere in the backing chain. Only a bitmap that
 * is wholly in the image itself has all changes.
 */
static void examine_offline(const Examination *exam, const VkImageBitmaps *bitmaps,
			    VkTracking *tracking)
{
	const VkImageBitmap *bitmap = vk_image_bitmaps_find(bitmaps, exam->info->name, FALSE);

	if (vk_image_bitmaps_find(bitmaps, exam->info->name, TRUE))
		tracking->reason = g_strdup("its dirty bitmap is spread over its backing chain");
	else if (!bitmap)
		tracking->reason = g_strdup("its dirty bitmap is gone");
	else if (bitmap->in_use)
		tracking->reason = g_strdup("its dirty bitmap is broken: QEMU did not end cleanly");
	else if (!bitmap->recording)
		tracking->reason = g_strdup("another program has stopped its dirty bitmap");
	else
		tracking->usable = TRUE;
}

static gboolean is_same_image(const VkDomainImage *one, const VkDomainImage *other)
{
	g_autofree char *left = vk_domain_image_label(one);
	g_autofree char *right = vk_domain_image_label(other);

	return g_str_equal(left, right);
}

/*
 * Two disks of a guest have bitmaps of one name, so one image must not be taken for the other: the
 * disk is still on the image that it had, or on one above it.
 */
static gboolean is_same_disk(const Examination *exam, const VkDomainDisk *disk)
{
	const VkDomainDisk *then =
		exam->info->domain ? vk_domain_find_disk(exam->info->domain, disk->target) : NULL;

	if (!then || !then->image)
		return FALSE;
	if (is_same_image(then->image, disk->image))
		return TRUE;
	for (guint i = 0; i < disk->backing->len; i++)
		if (is_same_image(then->image, g_ptr_array_index(disk->backing, i)))
			return TRUE;
	return FALSE;
}

static VkTracking *examine_disk(const Examination *exam, const char *target, GError **error)
{
	const VkDomainDisk *disk = vk_domain_find_disk(exam->domain, target);
	g_autoptr(GError) unreadable = NULL;
	g_autoptr(VkImageBitmaps) bitmaps =
		vk_image_bitmaps_read(vk_guest_host(exam->guest), disk, &unreadable);
	VkTracking *tracking = g_new0(VkTracking, 1);

	tracking->target = g_strdup(target);
	tracking->can_track = bitmaps && bitmaps->can_track;
	if (!tracking->can_track)
		tracking->reason = g_strdup(bitmaps ? bitmaps->reason : unreadable->message);
	else if (!exam->info || !vk_checkpoint_info_has(exam->info, target))
		tracking->reason = g_strdup("no dirty bitmap was begun with the last snapshot");
	else if (!is_same_disk(exam, disk))
		tracking->reason = g_strdup("it lies in another image now");
	else if (!exam->facts->live_xml)
		examine_offline(exam, bitmaps, tracking);
	else if (!examine_live(exam, tracking, error))
		g_clear_pointer(&tracking, tracking_free);
	return tracking;
}

/* libvirt is to know the checkpoint with all that is usable, and nothing else of it. */
static gboolean settle(const Examination *exam, const GPtrArray *found, GError **error)
{
	g_autoptr(GPtrArray) usable = g_ptr_array_new();

	for (guint i = 0; i < found->len; i++) {
		const VkTracking *tracking = g_ptr_array_index(found, i);

		if (tracking->usable)
			g_ptr_array_add(usable, tracking->target);
	}
	if (usable->len == 0)
		return vk_checkpoint_forget(exam->guest, exam->info->name, error);
	return define(exam, usable, FALSE, NULL, error);
}

GPtrArray *vk_checkpoint_examine(VkGuest *guest, const VkGuestFacts *facts, const VkDomain *domain,
				 const GPtrArray *targets, const char *name, const char *xml,
				 GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(tracking_free);
	g_autoptr(VkCheckpointInfo) info = NULL;
	Examination exam = {.guest = guest, .facts = facts, .domain = domain};

	/* A stored checkpoint that makes no sense is none. */
	if (name && xml)
		exam.info = info = vk_checkpoint_parse(xml, NULL);
	for (guint i = 0; i < targets->len; i++) {
		VkTracking *tracking = examine_disk(&exam, g_ptr_array_index(targets, i), error);

		if (!tracking)
			return NULL;
		g_ptr_array_add(found, tracking);
	}
	if (facts->live_xml && exam.info && !settle(&exam, found, error))
		return NULL;
	return g_steal_pointer(&found);
}

static gboolean add_bitmaps(VkGuest *guest, const VkDomain *domain, const GPtrArray *targets,
			    const char *name, guint *ret_added, GError **error)
{
	for (*ret_added = 0; *ret_added < targets->len; (*ret_added)++) {
		const VkDomainDisk *disk =
			vk_domain_find_disk(domain, g_ptr_array_index(targets, *ret_added));

		if (!vk_image_bitmap_add(vk_guest_host(guest), disk, name, error))
			return FALSE;
	}
	return TRUE;
}

static char *define_offline(VkGuest *guest, const VkDomain *domain, const GPtrArray *targets,
			    const char *name, GError **error)
{
	g_autofree char *now =
		g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(guest, error);
	g_autofree char *xml = NULL;

	if (!facts)
		return NULL;
	if (facts->live_xml) {
		vk_fail(error, VK_ERROR_CHANGED, "guest '%s' was started; try again",
			vk_guest_name(guest));
		return NULL;
	}
	xml = vk_checkpoint_build_xml(domain, name, targets, now, facts->domain_xml, error);
	if (!xml || !vk_checkpoint_define(guest, xml, FALSE, NULL, error))
		return NULL;
	return g_steal_pointer(&xml);
}

gboolean vk_checkpoint_create_offline(VkGuest *guest, const VkDomain *domain,
				      const GPtrArray *targets, const char *name, char **ret_xml,
				      GError **error)
{
	g_autoptr(GError) cause = NULL;
	VkGuestState state = VK_GUEST_OFF;
	guint added = 0;

	*ret_xml = NULL;
	if (add_bitmaps(guest, domain, targets, name, &added, &cause))
		*ret_xml = define_offline(guest, domain, targets, name, &cause);
	if (*ret_xml)
		return TRUE;
	while (added-- > 0)
		vk_image_bitmap_remove(
			vk_guest_host(guest),
			vk_domain_find_disk(domain, g_ptr_array_index(targets, added)), name, NULL);
	/* The start of the guest explains why the images are locked. */
	if (vk_guest_get_state(guest, &state, NULL) && state != VK_GUEST_OFF)
		return vk_fail(error, VK_ERROR_CHANGED, "guest '%s' was started; try again",
			       vk_guest_name(guest));
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean vk_checkpoint_changed(VkGuest *guest, const char *name, const char *target, guint64 *ret,
			       GError **error)
{
	g_autofree char *xml = vk_checkpoint_get_sizes(guest, name, error);

	return xml && vk_checkpoint_parse_size(xml, target, ret, error);
}
