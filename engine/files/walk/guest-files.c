/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-files-priv.h"

#include "appliance-slot.h"
#include "catalog.h"
#include "errors.h"
#include "guest-disks.h"
#include "guest-unlock.h"
#include "interrupt.h"
#include "io.h"
#include "log.h"
#include "text.h"
#include "walk-check.h"

#include <errno.h>
#include <string.h>

/* Further ones are only counted. */
#define WARNINGS_MAX 100

/* Bytes of a text of a volume, and of an extended attribute as Linux has them. */
#define TEXT_MAX            1024
#define ATTRIBUTE_NAME_MAX  255
#define ATTRIBUTE_VALUE_MAX 65536

VkAppliance *vk_guest_files_wake(VkGuestFiles *files, GError **error)
{
	g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func((GDestroyNotify)vk_image_free);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	guint64 memory = files->keys->given->len > 0 || files->keys->typed->len > 0
				 ? VK_APPLIANCE_MEMORY_UNLOCK
				 : VK_APPLIANCE_MEMORY;

	if (files->in_answer)
		vk_guest_files_rest(files);
	if (files->appliance)
		return files->appliance;
	files->slot = vk_appliance_slot_take(files->run_dir, error);
	vk_log_debug("starting an appliance for '%s'", files->reference);
	if (files->slot >= 0 && vk_guest_disks_open(files->view, images, names, error))
		files->appliance = vk_appliance_start(&files->kind, images, names, memory, error);
	if (!files->appliance || !vk_guest_files_unlock(files, error))
		vk_guest_files_rest(files);
	return files->appliance;
}

VkGuestFiles *vk_guest_files_open(VkVault *vault, const char *reference, const char *run_dir,
				  const VkMachineKind *kind, VkVolumeKeys *keys, GError **error)
{
	g_autoptr(VkGuestFiles) files = g_new0(VkGuestFiles, 1);
	VkSnapshot *snapshot = vk_catalog_find(vault, reference, error);
	g_autofree char *left_out = snapshot ? vk_guest_disks_left_out(snapshot) : NULL;

	files->slot = -1;
	if (!snapshot)
		return NULL;
	if (left_out)
		vk_log_warning("%s", left_out);
	files->kind = *kind;
	files->keys = keys;
	files->run_dir = g_strdup(run_dir);
	files->reference = g_strdup(reference);
	files->disks = snapshot->disks->len;
	files->view = vk_view_new(vault, snapshot);
	files->held = vk_view_hold(files->view, error);
	return files->held && vk_guest_files_wake(files, error) ? g_steal_pointer(&files) : NULL;
}

void vk_guest_files_rest(VkGuestFiles *files)
{
	g_clear_pointer(&files->appliance, vk_appliance_free);
	vk_io_clear_fd(&files->slot);
	files->in_answer = FALSE;
}

gboolean vk_guest_files_ended(const VkGuestFiles *files)
{
	return files->appliance && files->in_answer;
}

void vk_guest_files_free(VkGuestFiles *files)
{
	if (!files)
		return;
	vk_guest_files_rest(files);
	if (files->held)
		vk_view_release(files->view);
	vk_view_free(files->view);
	g_free(files->run_dir);
	g_free(files->reference);
	g_free(files);
}

const VkSnapshot *vk_guest_files_snapshot(const VkGuestFiles *files)
{
	return vk_view_snapshot(files->view);
}

gboolean vk_guest_files_fail_nonsense(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED, "the appliance sends nonsense");
}

static void volume_free(gpointer data)
{
	VkVolume *volume = data;

	g_free(volume->name);
	g_free(volume->type);
	g_free(volume->label);
	g_free(volume->uuid);
	g_free(volume->state);
	g_free(volume->note);
	g_free(volume->points);
	g_free(volume);
}

/* Up to its first zero, if it has one. */
static char *take_text(VkBytes bytes)
{
	return g_strndup((const char *)bytes.at, bytes.length);
}

/* NULL when it is none. */
static VkVolume *take_volume(VkBody *body)
{
	const VkVolumeReport report = vk_body_volume(body);
	VkVolume *volume;

	if (!vk_body_ended(body) || report.name.length > TEXT_MAX ||
	    report.type.length > TEXT_MAX || report.label.length > TEXT_MAX ||
	    report.uuid.length > TEXT_MAX || report.state.length > TEXT_MAX ||
	    report.note.length > TEXT_MAX || report.points.length > TEXT_MAX)
		return NULL;
	volume = g_new(VkVolume, 1);

	*volume = (VkVolume){
		.name = take_text(report.name),
		.type = take_text(report.type),
		.label = take_text(report.label),
		.uuid = take_text(report.uuid),
		.state = take_text(report.state),
		.note = take_text(report.note),
		.points = take_text(report.points),
		.size = report.size,
		.incomplete = report.incomplete != 0,
	};
	return volume;
}

gboolean vk_guest_files_sound(VkGuestFiles *files, GError **error)
{
	const GError *trouble =
		files->appliance ? vk_appliance_disk_trouble(files->appliance) : NULL;

	if (trouble && g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return vk_fail(error, VK_ERROR_DAMAGE, "the snapshot is damaged: %s",
			       trouble->message);
	if (trouble)
		return vk_fail(error, trouble->code, "%s", trouble->message);
	return TRUE;
}

/* Fails by TEXT. What cannot be read because the vault could not is its trouble. */
static gboolean fail_with_cause(VkGuestFiles *files, gint code, const char *text, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (vk_guest_files_sound(files, &cause))
		return vk_fail(error, (VkErrorCode)code, "%s", text);
	return vk_fail(error, (VkErrorCode)cause->code, "%s: %s", text, cause->message);
}

gboolean vk_guest_files_receive(VkGuestFiles *files, VkMessageType *ret_type, VkBody *ret_body,
				GError **error)
{
	g_autoptr(GError) trouble = NULL;

	return vk_appliance_receive(files->appliance, ret_type, ret_body, &trouble) ||
	       (vk_interrupted() ? vk_fail_interrupted(error)
				 : fail_with_cause(files, trouble->code, trouble->message, error));
}

gboolean vk_guest_files_fail_as_said(VkGuestFiles *files, VkBody *body, GError **error)
{
	guint32 code = vk_body_u32(body);
	g_autofree char *text = take_text(vk_body_bytes(body));

	return fail_with_cause(files,
			       code == ENOENT || code == VK_MESSAGE_NO_PLACE ? VK_ERROR_NOT_FOUND
			       : code == EINVAL                              ? VK_ERROR_USAGE
									     : VK_ERROR_FAILED,
			       text, error);
}

/* By VK_MESSAGE_NOTE, which comes once. */
static gboolean take_volumes_note(VkBody *body, char **ret_note)
{
	vk_body_bytes(body);
	g_free(*ret_note);
	*ret_note = take_text(vk_body_bytes(body));
	return vk_body_ended(body) && strlen(*ret_note) <= TEXT_MAX;
}

/* Adds what a message says to the volumes. FALSE when it is none. */
static gboolean add_volume(GPtrArray *volumes, VkMessageType type, VkBody *body, char **ret_note)
{
	VkVolume *volume;

	if (type == VK_MESSAGE_NOTE)
		return take_volumes_note(body, ret_note);
	volume = type == VK_MESSAGE_VOLUME && volumes->len < VK_VOLUMES_MAX ? take_volume(body)
									    : NULL;
	if (volume)
		g_ptr_array_add(volumes, volume);
	return volume != NULL;
}

/* NOTE, nullable, and that disks are missing: a warning has named them. New string, or NULL. */
static char *note_left_out(const VkGuestFiles *files, const char *note)
{
	g_autofree char *all =
		g_strdup_printf("%u of %u disks were read", VK_APPLIANCE_DISKS_MAX, files->disks);

	if (files->disks <= VK_APPLIANCE_DISKS_MAX)
		return g_strdup(note);
	return g_strjoin("; ", all, note, NULL);
}

GPtrArray *vk_guest_files_volumes(VkGuestFiles *files, char **ret_note, GError **error)
{
	g_autoptr(GPtrArray) volumes = g_ptr_array_new_with_free_func(volume_free);
	g_autofree char *note = NULL;
	VkMessage message = {0};
	VkMessageType type;
	VkBody body;
	gboolean sent;

	vk_message_begin(&message, VK_MESSAGE_ASK_VOLUMES);
	sent = vk_guest_files_wake(files, error) &&
	       vk_appliance_send(files->appliance, &message, error);
	vk_message_clear(&message);
	while (sent && vk_guest_files_receive(files, &type, &body, error)) {
		if (type == VK_MESSAGE_DONE) {
			*ret_note = note_left_out(files, note);
			return g_steal_pointer(&volumes);
		}
		if (!add_volume(volumes, type, &body, &note)) {
			vk_guest_files_fail_nonsense(error);
			return NULL;
		}
	}
	return NULL;
}

char *vk_guest_files_skipped(const VkGuestFiles *files)
{
	const GPtrArray *skipped = vk_view_snapshot(files->view)->skipped;
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < skipped->len; i++) {
		const VkSkipRecord *record = g_ptr_array_index(skipped, i);

		g_string_append_printf(text, "%s'%s' (%s)", i ? ", " : "", record->target,
				       record->reason);
	}
	return skipped->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static gboolean ask(VkGuestFiles *files, const VkWalk *walk, GError **error)
{
	VkMessage message = {0};
	gboolean ok;

	vk_message_begin(&message, VK_MESSAGE_ASK_WALK);
	vk_message_put_text(&message, walk->volume   ? walk->volume
				      : walk->system ? walk->system
						     : "");
	vk_message_put_text(&message, walk->path);
	vk_message_put_u32(&message, !walk->volume);
	vk_message_put_u32(&message, walk->flags);
	ok = vk_guest_files_wake(files, error) &&
	     vk_appliance_send(files->appliance, &message, error);
	vk_message_clear(&message);
	files->in_answer = ok;
	return ok;
}

/* One that goes on. */
typedef struct Progress {
	const char *path; /* that was asked for */
	const VkWalkCalls *calls;
	VkWalkCheck *check;
	guint64 unread; /* entries that could not be read */
	gboolean quiet;
	gboolean left_out; /* the last entry: what it has goes nowhere */
} Progress;

static void note_unread(Progress *progress, const char *path, const char *reason)
{
	/* What a system could not mount has its whole path. */
	g_autofree char *full = *path == '/' ? g_strdup(path)
				: *path      ? g_build_filename(progress->path, path, NULL)
					     : g_strdup(progress->path);

	if (progress->unread++ < WARNINGS_MAX && !progress->quiet)
		vk_log_warning("cannot read '%s': %s", full, reason);
	if (progress->calls->unread)
		progress->calls->unread(progress->calls->data, path);
}

static gboolean take_entry(Progress *progress, VkBody *body, GError **error)
{
	VkEntry entry;
	gboolean ok = vk_walk_check_entry(progress->check, body, &entry, error);
	const char *fault = ok ? vk_entry_fault(&entry) : NULL;

	progress->left_out = fault != NULL;
	if (fault)
		note_unread(progress, entry.path, fault);
	else if (ok && progress->calls->entry)
		ok = progress->calls->entry(progress->calls->data, &entry, error);
	vk_entry_clear(&entry);
	return ok;
}

static gboolean take_bytes(Progress *progress, VkBody *body, GError **error)
{
	guint64 offset;
	VkBytes bytes;

	if (!vk_walk_check_bytes(progress->check, body, &offset, &bytes, error))
		return FALSE;
	return progress->left_out || !progress->calls->bytes ||
	       progress->calls->bytes(progress->calls->data, offset, bytes.at, bytes.length, error);
}

static gboolean take_ranges(Progress *progress, VkBody *body, GError **error)
{
	guint64 offset, length;

	do {
		if (!vk_walk_check_range(progress->check, body, &offset, &length, error))
			return FALSE;
		if (!progress->left_out && progress->calls->range &&
		    !progress->calls->range(progress->calls->data, offset, length, error))
			return FALSE;
	} while (!vk_body_ended(body));
	return TRUE;
}

static gboolean take_attribute(Progress *progress, VkBody *body, GError **error)
{
	g_autofree char *name = take_text(vk_body_bytes(body));
	VkBytes value = vk_body_bytes(body);

	if (!vk_body_ended(body) || strlen(name) > ATTRIBUTE_NAME_MAX ||
	    value.length > ATTRIBUTE_VALUE_MAX)
		return vk_guest_files_fail_nonsense(error);
	return progress->left_out || !progress->calls->attribute ||
	       progress->calls->attribute(progress->calls->data, name, value.at, value.length,
					  error);
}

static gboolean take_note(Progress *progress, VkBody *body, GError **error)
{
	g_autofree char *path = take_text(vk_body_bytes(body));
	g_autofree char *reason = take_text(vk_body_bytes(body));

	if (!vk_body_ended(body))
		return vk_guest_files_fail_nonsense(error);
	note_unread(progress, path, reason);
	return TRUE;
}

static gboolean take_part(Progress *progress, VkMessageType type, VkBody *body, GError **error)
{
	switch ((guint)type) {
	case VK_MESSAGE_ENTRY:
		return take_entry(progress, body, error);
	case VK_MESSAGE_DATA:
		return take_bytes(progress, body, error);
	case VK_MESSAGE_RANGES:
		return take_ranges(progress, body, error);
	case VK_MESSAGE_ATTRIBUTE:
		return take_attribute(progress, body, error);
	case VK_MESSAGE_NOTE:
		return take_note(progress, body, error);
	default:
		return vk_guest_files_fail_nonsense(error);
	}
}

struct VkGuestWalk {
	VkGuestFiles *files;
	char *volume, *system, *path; /* of the walk, which borrows them */
	VkWalk walk;
	VkWalkCalls calls;
	gboolean answered; /* a part of the answer was there */
	Progress progress;
};

VkGuestWalk *vk_guest_walk_new(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			       GError **error)
{
	VkGuestWalk *going;

	if (!ask(files, walk, error))
		return NULL;
	going = g_new0(VkGuestWalk, 1);
	going->files = files;
	going->volume = g_strdup(walk->volume);
	going->system = g_strdup(walk->system);
	going->path = g_strdup(walk->path);
	going->walk = (VkWalk){.volume = going->volume,
			       .system = going->system,
			       .path = going->path,
			       .flags = walk->flags,
			       .quiet = walk->quiet};
	going->calls = *calls;
	going->progress = (Progress){.path = going->path,
				     .calls = &going->calls,
				     .check = vk_walk_check_new(),
				     .quiet = walk->quiet};
	return going;
}

void vk_guest_walk_free(VkGuestWalk *walk)
{
	if (!walk)
		return;
	vk_walk_check_free(walk->progress.check);
	g_free(walk->volume);
	g_free(walk->system);
	g_free(walk->path);
	g_free(walk);
}

/* The end of a walk. */
static gboolean sum_up(const VkGuestWalk *walk, GError **error)
{
	guint64 unread = walk->progress.unread;

	if (!vk_guest_files_sound(walk->files, error))
		return FALSE;
	return unread == 0 ||
	       vk_fail(error, VK_ERROR_PARTIAL, "%" G_GUINT64_FORMAT " %s could not be read",
		       unread, unread == 1 ? "entry" : "entries");
}

/* Unlocks the volume and begins anew. */
static gboolean begin_unlocked(VkGuestWalk *walk, VkBody *locked, GError **error)
{
	if (walk->answered)
		return vk_guest_files_fail_nonsense(error);
	return vk_guest_files_ask_key(walk->files, locked, error) &&
	       ask(walk->files, &walk->walk, error);
}

gboolean vk_guest_walk_step(VkGuestWalk *walk, gboolean *ret_ended, GError **error)
{
	VkMessageType type;
	VkBody body;

	*ret_ended = FALSE;
	if (!vk_guest_files_receive(walk->files, &type, &body, error))
		return FALSE;
	if (type == VK_MESSAGE_LOCKED)
		return begin_unlocked(walk, &body, error);
	walk->answered = TRUE;
	if (type != VK_MESSAGE_FAILED && type != VK_MESSAGE_DONE)
		return take_part(&walk->progress, type, &body, error);
	walk->files->in_answer = FALSE;
	if (type == VK_MESSAGE_FAILED)
		return vk_guest_files_fail_as_said(walk->files, &body, error);
	*ret_ended = TRUE;
	return sum_up(walk, error);
}

gboolean vk_guest_files_walk(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			     GError **error)
{
	g_autoptr(VkGuestWalk) going = vk_guest_walk_new(files, walk, calls, error);
	gboolean ended = FALSE;

	while (going && !ended)
		if (!vk_guest_walk_step(going, &ended, error))
			return FALSE;
	return going != NULL;
}
