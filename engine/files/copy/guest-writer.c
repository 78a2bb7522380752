/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-writer.h"

#include "errors.h"
#include "guest-place.h"
#include "interrupt.h"
#include "io.h"
#include "log.h"
#include "table.h"
#include "walk-trail.h"

#include <string.h>
#include <sys/stat.h>

/* A script takes so long at most, and with it a guest sums up so many bytes in a second. */
#define PUT_SEC  60
#define SUM_RATE ((guint64)2 << 20)

/* Bytes. Both sides sum up a file with its holes: so many take about an hour. */
#define SIZE_MAX_SUMMED ((guint64)1 << 40)

/* A directory of the guest that may get more entries. */
typedef struct Made {
	VkEntry looks;
	char *identity; /* NULL: it was there before, and keeps its looks */
} Made;

static void made_free(gpointer data)
{
	Made *made = data;

	g_free(made->identity);
	g_free(made);
}

struct VkGuestWriter {
	VkInside *inside;
	char *title;
	char *top;    /* the directory that is written to */
	guint64 room; /* bytes that its file system had free; G_MAXUINT64: not known */
	gboolean overwrite;
	char *name; /* in front of the paths of the walk; "": none */
	VkCopyCount count;
	VkTrail *trail; /* Made */
	/* The file that is written; PATH is NULL when there is none. */
	char *path;      /* below the top */
	char *directory; /* that it is in, as the guest calls it */
	char *staging;
	char *identity;     /* of the staging directory; NULL: not known */
	VkGuestPlace place; /* of it; borrows from these */
	VkEntry entry;      /* without strings */
	gboolean begun;     /* the staging directory may be there */
	GChecksum *checksum;
	guint64 summed; /* bytes of the file that CHECKSUM has seen */
	guint64 chunk;  /* the number of the one that is filled */
	gsize filled;   /* bytes of it */
	guint8 *bytes;  /* of it */
};

/* Forgets the file that is written, and removes it inside the guest. */
static void drop_file(VkGuestWriter *writer)
{
	if (writer->begun)
		vk_guest_place_clear(writer->inside, &writer->place);
	writer->begun = FALSE;
	g_clear_pointer(&writer->path, g_free);
	g_clear_pointer(&writer->directory, g_free);
	g_clear_pointer(&writer->staging, g_free);
	g_clear_pointer(&writer->identity, g_free);
	writer->place.identity = NULL;
}

/* ---- trouble ---- */

static void warn(VkGuestWriter *writer, const char *path, const char *reason)
{
	if (writer->count.failed++ < VK_COPY_WARNINGS_MAX)
		vk_log_warning("cannot put '%s' into '%s:%s': %s", path, writer->title, writer->top,
			       reason);
}

/* One entry is not put, unless the trouble is everybody's. FALSE ends the copy. */
static gboolean give_up(VkGuestWriter *writer, const char *path, const VkOutcome *outcome,
			GError **error)
{
	if (outcome->status == VK_PLACE_UNWRITTEN)
		return vk_fail(error, VK_ERROR_FAILED, "cannot write '%s' inside guest '%s': %s",
			       path, writer->title, vk_guest_place_reason(outcome));
	if (outcome->status == VK_PLACE_WRONG_SUM)
		return vk_fail(error, VK_ERROR_FAILED,
			       "'%s' does not arrive in guest '%s' as it was sent: its checksum "
			       "differs, and what was there stays",
			       path, writer->title);
	warn(writer, path, vk_guest_place_reason(outcome));
	return TRUE;
}

/* Hands a call's error on, with the guest in front. FALSE. */
static gboolean fail_guest(const VkGuestWriter *writer, GError **error)
{
	g_prefix_error(error, "guest '%s': ", writer->title);
	return FALSE;
}

/* ---- files ---- */

/* FALSE when the guest does not say which directory it has made. */
static gboolean learn_identity(VkGuestWriter *writer, const VkOutcome *outcome, GError **error)
{
	writer->identity = vk_guest_place_identity(outcome);
	writer->place.identity = writer->identity;
	if (writer->identity)
		return TRUE;
	vk_fail(error, VK_ERROR_FAILED, "its shell answers with nonsense");
	return fail_guest(writer, error);
}

/*
 * Does PUT for the file. When the guest refuses that, the file is dropped. FALSE ends the copy.
 */
static gboolean do_put(VkGuestWriter *writer, const VkPut *put, VkOutcome *ret, GError **error)
{
	VkPut whole = *put;
	guint64 seconds = PUT_SEC;
	gboolean ok;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!writer->begun)
		whole.parts |= VK_PUT_BEGIN;
	if (put->parts & VK_PUT_CHECK)
		seconds += writer->entry.size / SUM_RATE;
	writer->begun = TRUE;
	if (!vk_guest_place_put(writer->inside, &writer->place, &writer->entry, &whole,
				(guint)MIN(seconds, G_MAXINT), ret, error))
		return fail_guest(writer, error);
	if (ret->status == VK_PLACE_DONE || ret->status == VK_PLACE_NO_SUM)
		return !(whole.parts & VK_PUT_BEGIN) || learn_identity(writer, ret, error);
	ok = give_up(writer, writer->path, ret, error);
	drop_file(writer);
	return ok;
}

/* Sends the chunk that is filled, and does PARTS in the same go. */
static gboolean send_chunk(VkGuestWriter *writer, guint parts, VkOutcome *ret, GError **error)
{
	const VkPut put = {.parts = parts | VK_PUT_BYTES,
			   .bytes = writer->bytes,
			   .length = writer->filled,
			   .chunk = writer->chunk,
			   .sum = parts & VK_PUT_CHECK ? g_checksum_get_string(writer->checksum)
						       : NULL};

	writer->count.bytes += writer->filled;
	writer->filled = 0;
	return do_put(writer, &put, ret, error);
}

/* Holes count as zeros. FALSE: interrupted. */
static gboolean sum_up_to(VkGuestWriter *writer, guint64 offset, GError **error)
{
	static const guint8 zeros[65536];

	while (writer->summed < offset) {
		guint64 part = MIN(sizeof(zeros), offset - writer->summed);

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		g_checksum_update(writer->checksum, zeros, (gssize)part);
		writer->summed += part;
	}
	return TRUE;
}

/* Where a guest has no program for checksums, the file comes back. */
static gboolean check_here(VkGuestWriter *writer, gboolean *ret_same, GError **error)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint64 left = writer->entry.size;

	for (guint64 chunk = 0; left > 0; chunk++) {
		gsize wanted = MIN(VK_INSIDE_INPUT_MAX, left);
		g_auto(VkOutcome) outcome = {0};

		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!vk_guest_place_read(writer->inside, &writer->place, chunk, &outcome, error))
			return fail_guest(writer, error);
		if (outcome.length != wanted)
			break;
		g_checksum_update(checksum, (const guchar *)outcome.out, (gssize)wanted);
		left -= wanted;
	}
	*ret_same = left == 0 && strcmp(g_checksum_get_string(checksum),
					g_checksum_get_string(writer->checksum)) == 0;
	return TRUE;
}

/* Gives the file its name after a check that the guest could not make. */
static gboolean end_checked_here(VkGuestWriter *writer, VkOutcome *outcome, GError **error)
{
	const VkPut put = {.parts = VK_PUT_END};
	gboolean same = FALSE;

	vk_outcome_clear(outcome);
	if (!check_here(writer, &same, error))
		return FALSE;
	outcome->status = VK_PLACE_WRONG_SUM;
	return same ? do_put(writer, &put, outcome, error)
		    : give_up(writer, writer->path, outcome, error);
}

/* All bytes of the file have come. */
static gboolean finish_file(VkGuestWriter *writer, GError **error)
{
	const guint parts = VK_PUT_SIZE | VK_PUT_CHECK | VK_PUT_END;
	g_auto(VkOutcome) outcome = {0};
	VkPut put = {.parts = parts};
	gboolean ok;

	if (!writer->path)
		return TRUE;
	if (!sum_up_to(writer, writer->entry.size, error))
		return FALSE;
	put.sum = g_checksum_get_string(writer->checksum);
	ok = writer->filled > 0 ? send_chunk(writer, parts, &outcome, error)
				: do_put(writer, &put, &outcome, error);
	if (ok && outcome.status == VK_PLACE_NO_SUM)
		ok = end_checked_here(writer, &outcome, error);
	if (!ok)
		return FALSE;
	if (outcome.status == VK_PLACE_DONE) {
		writer->begun = FALSE;
		writer->count.files++;
	}
	drop_file(writer);
	return TRUE;
}

/* ---- the walk ---- */

/* The path below the top of what the walk calls PATH. New string. */
static char *path_of(const VkGuestWriter *writer, const char *path)
{
	const char *slash = *writer->name && *path ? "/" : "";

	return g_strconcat(writer->name, slash, path, NULL);
}

/* Makes PATH be the file that is written. */
static void begin_file(VkGuestWriter *writer, const VkEntry *entry)
{
	const char *slash = strrchr(writer->path, '/');
	const Made *above = vk_trail_innermost(writer->trail);
	g_autofree char *parent =
		slash ? g_strndup(writer->path, (gsize)(slash - writer->path)) : g_strdup("");

	writer->directory =
		*parent ? g_build_filename(writer->top, parent, NULL) : g_strdup(writer->top);
	writer->staging = g_strdup_printf(".virtkeep-%08x%08x", g_random_int(), g_random_int());
	writer->place = (VkGuestPlace){.directory = writer->directory,
				       .name = slash ? slash + 1 : writer->path,
				       .parent = above ? above->identity : NULL,
				       .staging = writer->staging,
				       .overwrite = writer->overwrite};
	writer->entry = *entry;
	writer->entry.path = writer->entry.target = NULL;
	g_checksum_reset(writer->checksum);
	writer->summed = writer->chunk = 0;
	writer->filled = 0;
}

static gboolean put_directory(VkGuestWriter *writer, GError **error)
{
	g_auto(VkOutcome) outcome = {0};
	Made *made;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!vk_guest_place_make(writer->inside, &writer->place, &outcome, error))
		return fail_guest(writer, error);
	if (outcome.status != VK_PLACE_DONE && outcome.status != VK_PLACE_THERE)
		return give_up(writer, writer->path, &outcome, error);
	if (outcome.status == VK_PLACE_DONE && !learn_identity(writer, &outcome, error))
		return FALSE;
	writer->count.directories += outcome.status == VK_PLACE_DONE;
	if (outcome.status == VK_PLACE_THERE)
		vk_guest_place_note_swept(writer->title, writer->path,
					  vk_guest_place_swept(&outcome));
	made = g_new(Made, 1);
	*made = (Made){.looks = writer->entry, .identity = g_steal_pointer(&writer->identity)};
	vk_trail_enter(writer->trail, writer->path, made);
	return TRUE;
}

static gboolean put_link(VkGuestWriter *writer, const VkEntry *entry, GError **error)
{
	const VkPut put = {.parts = VK_PUT_LINK | VK_PUT_END};
	g_auto(VkOutcome) outcome = {0};

	writer->entry.target = entry->target;
	if (!do_put(writer, &put, &outcome, error))
		return FALSE;
	if (outcome.status == VK_PLACE_DONE) {
		writer->begun = FALSE;
		writer->count.links++;
	}
	return TRUE;
}

/* All is in the directory at PATH. */
static gboolean leave_directory(gpointer data, const char *path, gpointer directory, GError **error)
{
	VkGuestWriter *writer = data;
	const Made *made = directory;
	g_autofree char *full = g_build_filename(writer->top, path, NULL);
	g_autofree char *parent = g_path_get_dirname(full);
	const VkGuestPlace place = {
		.directory = parent, .name = strrchr(full, '/') + 1, .identity = made->identity};
	g_auto(VkOutcome) outcome = {0};

	if (!made->identity)
		return TRUE;
	if (!vk_guest_place_finish(writer->inside, &place, &made->looks, &outcome, error))
		return fail_guest(writer, error);
	return outcome.status == VK_PLACE_DONE || give_up(writer, path, &outcome, error);
}

static gboolean take_entry(gpointer data, const VkEntry *entry, GError **error)
{
	VkGuestWriter *writer = data;
	g_autofree char *path = path_of(writer, entry->path);
	gboolean ok = TRUE;

	if (!finish_file(writer, error) || !vk_trail_move(writer->trail, path, error))
		return FALSE;
	/* The directory to copy into, which is there. */
	if (!*path)
		return TRUE;
	if (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode)) {
		writer->count.skipped++;
		return TRUE;
	}
	if (!vk_trail_leads_to(writer->trail, path)) {
		warn(writer, path, "its directory was not made");
		return TRUE;
	}
	if (S_ISREG(entry->mode) && entry->size > SIZE_MAX_SUMMED) {
		warn(writer, path,
		     "it has more than 1 TiB, holes included, and its checksum would take hours; "
		     "copy it to this host instead");
		return TRUE;
	}
	writer->path = g_steal_pointer(&path);
	begin_file(writer, entry);
	/* A file is put when all of it has come. */
	if (S_ISREG(entry->mode))
		return TRUE;
	ok = S_ISDIR(entry->mode) ? put_directory(writer, error) : put_link(writer, entry, error);
	drop_file(writer);
	return ok;
}

static gboolean take_bytes(gpointer data, guint64 offset, const guint8 *bytes, gsize length,
			   GError **error)
{
	VkGuestWriter *writer = data;

	if (writer->path && !sum_up_to(writer, offset, error))
		return FALSE;
	while (writer->path && length > 0) {
		guint64 chunk = offset / VK_INSIDE_INPUT_MAX;
		gsize at = offset % VK_INSIDE_INPUT_MAX;
		gsize part = MIN(length, VK_INSIDE_INPUT_MAX - at);
		g_auto(VkOutcome) outcome = {0};

		if (writer->filled > 0 && writer->chunk != chunk &&
		    !send_chunk(writer, 0, &outcome, error))
			return FALSE;
		if (!writer->path)
			return TRUE;
		if (writer->filled > 0 || !vk_io_is_zero(bytes, part)) {
			memset(writer->bytes + writer->filled, 0,
			       MAX(at, writer->filled) - writer->filled);
			memcpy(writer->bytes + at, bytes, part);
			writer->chunk = chunk;
			writer->filled = at + part;
		}
		g_checksum_update(writer->checksum, bytes, (gssize)part);
		writer->summed += part;
		offset += part;
		bytes += part;
		length -= part;
	}
	return TRUE;
}

/* The agent of a guest sets none. */
static gboolean take_attribute(gpointer data, const char *name, const guint8 *value, gsize length,
			       GError **error)
{
	VkGuestWriter *writer = data;

	/* The guest gives a new file a label of its own. */
	writer->count.refused += strcmp(name, "security.selinux") != 0;
	return TRUE;
}

/* A file with a gap must not appear. The one before an entry that cannot be read is whole. */
static void take_unread(gpointer data, const char *path)
{
	VkGuestWriter *writer = data;
	g_autofree char *unread = path_of(writer, path);

	if (writer->path && strcmp(unread, writer->path) == 0)
		drop_file(writer);
}

VkWalkCalls vk_guest_writer_calls(VkGuestWriter *writer)
{
	return (VkWalkCalls){.entry = take_entry,
			     .bytes = take_bytes,
			     .attribute = take_attribute,
			     .unread = take_unread,
			     .data = writer};
}

gboolean vk_guest_writer_begin(VkGuestWriter *writer, const char *name, const VkCopySum *sum,
			       GError **error)
{
	g_autofree char *there = vk_size_text(writer->room);
	g_autofree char *needed = vk_size_text(sum->bytes);

	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is no name for a copy", name);
	if (sum->bytes > writer->room)
		return vk_fail(error, VK_ERROR_FAILED,
			       "guest '%s' has only %s free at '%s', and the copy needs %s: make "
			       "room there, or choose another directory",
			       writer->title, there, writer->top, needed);
	g_free(writer->name);
	writer->name = g_strdup(name);
	return TRUE;
}

gboolean vk_guest_writer_end(VkGuestWriter *writer, GError **error)
{
	return finish_file(writer, error) && vk_trail_move(writer->trail, NULL, error);
}

const VkCopyCount *vk_guest_writer_count(const VkGuestWriter *writer)
{
	return &writer->count;
}

VkGuestWriter *vk_guest_writer_new(VkInside *inside, const char *title, const char *path,
				   gboolean overwrite, GError **error)
{
	guint64 room = 0;
	guint swept = 0;
	char *top = vk_guest_place_find(inside, path, &room, &swept, error);
	VkGuestWriter *writer;

	if (!top) {
		g_prefix_error(error, "guest '%s': ", title);
		return NULL;
	}
	vk_guest_place_note_swept(title, top, swept);
	writer = g_new(VkGuestWriter, 1);
	*writer = (VkGuestWriter){
		.inside = inside,
		.title = g_strdup(title),
		.top = top,
		.room = room,
		.overwrite = overwrite,
		.name = g_strdup(""),
		.checksum = g_checksum_new(G_CHECKSUM_SHA256),
		.bytes = g_malloc(VK_INSIDE_INPUT_MAX),
	};
	writer->trail = vk_trail_new(leave_directory, writer, made_free);
	return writer;
}

void vk_guest_writer_free(VkGuestWriter *writer)
{
	if (!writer)
		return;
	drop_file(writer);
	vk_trail_free(writer->trail);
	g_checksum_free(writer->checksum);
	g_free(writer->bytes);
	g_free(writer->name);
	g_free(writer->top);
	g_free(writer->title);
	g_free(writer);
}
