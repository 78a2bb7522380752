/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forecast.h"

#include "attempt-priv.h"
#include "discover.h"
#include "disk-on-array.h"
#include "errors.h"
#include "offline-source.h"

#include <sys/stat.h>

/* How much of a disk is mapped at once. */
#define WINDOW ((guint64)1 << 30)

static void disk_free(VkForecastDisk *disk)
{
	g_free(disk->target);
	g_free(disk->reason);
	g_free(disk);
}

void vk_forecast_free(VkForecast *forecast)
{
	if (!forecast)
		return;
	g_free(forecast->guest);
	g_free(forecast->uuid);
	g_ptr_array_unref(forecast->disks);
	g_ptr_array_unref(forecast->skipped);
	g_free(forecast);
}

static const char *held_words(const VkAttempt *attempt)
{
	gboolean must_stop = attempt->is_grouped || vk_attempt_is_array(attempt);

	if (attempt->facts->state == VK_GUEST_OFF)
		return "not held: it is off";
	if (attempt->facts->state == VK_GUEST_PAUSED)
		return "not held: it is paused";
	switch (attempt->guest_options->quiesce) {
	case VK_QUIESCE_NONE:
		return "not held";
	case VK_QUIESCE_SUSPEND:
		return "suspended";
	case VK_QUIESCE_AUTO:
	case VK_QUIESCE_AGENT:
		break;
	}
	if (attempt->domain->agent_connected)
		return "frozen by its guest agent";
	if (attempt->guest_options->quiesce == VK_QUIESCE_AGENT)
		return "not saved, because no guest agent is connected";
	return must_stop ? "suspended: no guest agent is connected"
			 : "not held: no guest agent is connected";
}

/* The changed bytes of a disk of a guest that is off, without those that read as zeros. */
static gboolean count_changes(VkSource *source, guint64 *ret, GError **error)
{
	g_autoptr(VkSourceReader) reader = source->ops->open_reader(source, error);
	g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(VkSourceExtent));

	*ret = 0;
	for (guint64 offset = 0; reader && offset < source->size;) {
		guint64 length;

		if (!reader->ops->seek_change(reader, offset, &offset, error))
			return FALSE;
		length = MIN(WINDOW, source->size - offset);
		g_array_set_size(extents, 0);
		if (length > 0 && !reader->ops->map(reader, offset, length, extents, error))
			return FALSE;
		for (guint i = 0; i < extents->len; i++) {
			const VkSourceExtent *extent = &g_array_index(extents, VkSourceExtent, i);

			*ret += extent->kind == VK_SOURCE_DATA ? extent->length : 0;
		}
		offset += length;
	}
	return reader != NULL;
}

/* FALSE when it cannot be known. */
static gboolean find_changed(const VkAttempt *attempt, const VkBackupPlanDisk *planned,
			     guint64 *ret)
{
	const char *bitmap = attempt->last->checkpoint;
	g_autoptr(VkSource) source = NULL;

	if (attempt->facts->live_xml)
		return vk_checkpoint_changed(attempt->guest, bitmap, planned->disk->target, ret,
					     NULL);
	source = vk_source_offline_new(attempt->try->host, planned->disk, bitmap, NULL);
	return source && source->knows_changes && count_changes(source, ret, NULL);
}

/*
 * The bytes that an image takes on the host, or SIZE, the whole disk, if that is unknown. (libvirt
 * says how far QEMU has written into a running guest's image.)
 */
static guint64 count_allocated(const char *path, guint64 size)
{
	struct stat status;

	if (!path || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return size;
	return MIN((guint64)status.st_blocks * 512, size);
}

/* All layers of the disk are read. */
static guint64 count_data(const VkFoundDisk *disk)
{
	guint64 bytes = count_allocated(disk->path, disk->size);

	for (guint i = 0; i < disk->backing->len; i++) {
		const VkFoundLayer *layer = g_ptr_array_index(disk->backing, i);

		bytes += count_allocated(layer->source, disk->size);
	}
	return MIN(bytes, disk->size);
}

static const VkFoundDisk *find_disk(const VkFoundGuest *found, const char *target)
{
	for (guint i = 0; i < found->disks->len; i++) {
		const VkFoundDisk *disk = g_ptr_array_index(found->disks, i);

		if (g_str_equal(disk->target, target))
			return disk;
	}
	return NULL;
}

static VkForecastDisk *forecast_disk(const VkAttempt *attempt, VkBackupPlanDisk *planned,
				     const VkFoundGuest *found)
{
	const VkFoundDisk *facts = find_disk(found, planned->disk->target);
	VkForecastDisk *disk = g_new0(VkForecastDisk, 1);

	disk->target = g_strdup(planned->disk->target);
	if (facts && facts->has_size) {
		disk->size = facts->size;
		disk->read = count_data(facts);
		vk_backup_plan_set_size(planned, facts->size);
	}
	if (attempt->guest_options->mode == VK_MODE_ARRAY) {
		disk->mode = "array";
		disk->reason = g_strdup("the storage takes it by itself");
		disk->read = 0;
		return disk;
	}
	if (planned->incremental)
		find_changed(attempt, planned, &disk->read);
	disk->mode = vk_backup_plan_mode(planned);
	disk->reason = vk_backup_plan_reason(attempt->plan, planned);
	return disk;
}

/* A backup also asks first whether an array can snapshot the disks. */
static gboolean check_arrays(const VkAttempt *attempt, GError **error)
{
	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);
		VkArrayDisk *found = vk_array_disk_find(attempt->context->arrays,
							attempt->try->host, planned->disk, error);

		if (!found) {
			g_prefix_error(error,
				       "guest '%s', disk '%s': ", vk_guest_name(attempt->guest),
				       planned->disk->target);
			return FALSE;
		}
		vk_array_disk_free(found);
	}
	return TRUE;
}

static gboolean check_images(const VkAttempt *attempt, const VkFoundGuest *found, GError **error)
{
	for (guint i = 0; i < attempt->plan->disks->len; i++) {
		const VkBackupPlanDisk *planned = g_ptr_array_index(attempt->plan->disks, i);
		const VkFoundDisk *disk = find_disk(found, planned->disk->target);

		if (disk && disk->missing)
			return vk_fail(error, VK_ERROR_FAILED,
				       "guest '%s', disk '%s': its image '%s' is not there; is its "
				       "storage mounted?",
				       found->name, disk->target, disk->path);
	}
	return TRUE;
}

static VkForecast *forecast(const VkAttempt *attempt, GError **error)
{
	g_autoptr(VkMounts) mounts = vk_mounts_load(NULL, error);
	g_autoptr(VkFoundGuest) found = NULL;
	VkForecast *result;

	if (mounts)
		found = vk_discover_guest(attempt->try->host, attempt->guest, mounts, NULL, error);
	if (!found || !check_images(attempt, found, error) ||
	    (vk_attempt_is_array(attempt) && !check_arrays(attempt, error)))
		return NULL;
	result = g_new0(VkForecast, 1);
	result->guest = g_strdup(vk_guest_name(attempt->guest));
	result->uuid = g_strdup(vk_guest_uuid(attempt->guest));
	result->state = vk_guest_state_name(attempt->facts->state);
	result->held = held_words(attempt);
	result->skipped = g_ptr_array_ref(attempt->plan->skipped);
	result->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_free);
	for (guint i = 0; i < attempt->plan->disks->len; i++)
		g_ptr_array_add(
			result->disks,
			forecast_disk(attempt, g_ptr_array_index(attempt->plan->disks, i), found));
	return result;
}

VkForecast *vk_forecast_guest(const VkBackupContext *context, VkHost *host, VkGuest *guest,
			      GError **error)
{
	const VkBackupOptions *options = context->options;
	VkBackupTry try = {.host = host, .guest = guest};
	g_auto(VkAttempt) attempt = {
		.context = context,
		.try = &try,
		.guest = guest,
		.is_grouped = options->group,
	};
	VkForecast *result = NULL;

	attempt.lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
					  vk_guest_name(guest), error);
	if (attempt.lock)
		attempt.guest_options = vk_guest_options_new(options, guest, error);
	if (attempt.guest_options && vk_attempt_plan(&attempt, error))
		result = forecast(&attempt, error);
	return result;
}
