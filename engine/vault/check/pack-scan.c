/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-scan.h"

#include "crc.h"
#include "errors.h"
#include "frame.h"
#include "interrupt.h"
#include "mending.h"
#include "pack-header.h"
#include "pack-trailer.h"

#include <string.h>

/* So much is read at once; where a disk has lost something of it, so little. */
#define WINDOW_SIZE ((gsize)1024 * 1024)
#define SECTOR_SIZE ((gsize)4096)

/* So many ranges of slots are named in a text. */
#define RANGES_MAX 8u

/* A generation of a pack that is read. Borrows all but WINDOW, TABLE and MENDING. */
typedef struct Scan {
	const VkPackScanner *scanner;
	const VkPackId *id;
	const char *object;
	VkMending *mending;
	guint64 size;   /* of the object */
	guint8 *window; /* what was read last: LENGTH bytes from START on */
	guint64 start;
	gsize length;
	VkPackTrailer trailer;
	gboolean has_trailer; /* it is sound; else there may be any slots, up to the end */
	guint64 end;          /* of the frames */
	VkTableEntry *table;  /* as it is stored; NULL: it is sealed or damaged */
	VkPackScan *ret;
} Scan;

void vk_pack_scan_clear(VkPackScan *scan)
{
	g_clear_pointer(&scan->what, g_free);
}

static void add_slot(VkSlots *slots, guint32 slot)
{
	slots->bits[slot / 8] |= (guint8)(1u << (slot % 8));
}

/* Only the first is kept. */
static void note_damage(Scan *scan, const char *what)
{
	if (!scan->ret->what)
		scan->ret->what = g_strdup_printf("'%s' is damaged: %s", scan->object, what);
}

/* Takes TROUBLE over: damage is noted, all else is an error. */
static gboolean take_trouble(Scan *scan, GError *trouble, GError **error)
{
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	if (!scan->ret->what)
		scan->ret->what = g_strdup(trouble->message);
	g_error_free(trouble);
	return TRUE;
}

static gboolean get(const Scan *scan, guint64 offset, void *buf, gsize length, GError **error)
{
	const VkPackScanner *scanner = scan->scanner;

	return vk_mending_get(scan->mending, scanner->store, scan->object, offset, buf, length,
			      error);
}

/* What a disk has lost is zeros then: no frame has them in place of its bytes. */
static gboolean get_pieces(const Scan *scan, guint64 offset, guint8 *buf, gsize length,
			   GError **error)
{
	gsize n;

	for (gsize at = 0; at < length && !vk_interrupted(); at += n) {
		g_autoptr(GError) trouble = NULL;

		n = MIN(SECTOR_SIZE, length - at);
		if (get(scan, offset + at, buf + at, n, &trouble))
			continue;
		if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return FALSE;
		}
		memset(buf + at, 0, n);
	}
	return !vk_interrupted() || vk_fail_interrupted(error);
}

static gboolean read_window(Scan *scan, guint64 offset, GError **error)
{
	gsize length = (gsize)MIN(WINDOW_SIZE, scan->size - offset);
	GError *trouble = NULL;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	vk_rate_limit_wait(scan->scanner->limit, length);
	scan->start = offset;
	scan->length = length;
	if (get(scan, offset, scan->window, length, &trouble))
		return TRUE;
	if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE)) {
		g_propagate_error(error, trouble);
		return FALSE;
	}
	g_error_free(trouble);
	return get_pieces(scan, offset, scan->window, length, error);
}

/* LENGTH bytes at OFFSET, which the object has. Borrowed until the next call. NULL: the storage. */
static const guint8 *bytes_at(Scan *scan, guint64 offset, gsize length, GError **error)
{
	if ((offset < scan->start || offset + length > scan->start + scan->length) &&
	    !read_window(scan, offset, error))
		return NULL;
	return scan->window + (offset - scan->start);
}

/* Damage is noted. */
static gboolean take_header(Scan *scan, GError **error)
{
	const guint8 *bytes = bytes_at(scan, 0, sizeof(VkPackHeader), error);
	GError *trouble = NULL;
	VkPackHeader header;

	if (!bytes)
		return FALSE;
	memcpy(&header, bytes, sizeof(header));
	return vk_pack_header_check(&header, scan->scanner->context, scan->id, scan->object,
				    &trouble) ||
	       take_trouble(scan, trouble, error);
}

static gboolean get_trailer(Scan *scan, GError **error)
{
	const VkMended *mended = vk_mending_mended(scan->mending);

	if (!mended)
		return vk_pack_trailer_read(scan->scanner->store, scan->object, &scan->trailer,
					    error);
	scan->trailer = *vk_mended_trailer(mended);
	return vk_pack_trailer_check(&scan->trailer, vk_mended_covered(mended), scan->object,
				     error);
}

/* Damage is noted. */
static gboolean take_trailer(Scan *scan, GError **error)
{
	GError *trouble = NULL;

	scan->has_trailer = get_trailer(scan, &trouble);
	scan->end = scan->has_trailer ? GUINT64_FROM_LE(scan->trailer.table_offset) : scan->size;
	return scan->has_trailer || take_trouble(scan, trouble, error);
}

/* Whether a frame can begin at AT. *RET is its header, in host order. FALSE also: the storage. */
static gboolean find_frame(Scan *scan, guint64 at, VkFrameHeader *ret, GError **error)
{
	const guint32 slots =
		scan->has_trailer ? GUINT32_FROM_LE(scan->trailer.slots) : VK_SLOTS_MAX;
	const guint8 *bytes;
	guint32 length;

	if (at + sizeof(*ret) > scan->end)
		return FALSE;
	bytes = bytes_at(scan, at, sizeof(*ret), error);
	if (!bytes)
		return FALSE;
	memcpy(ret, bytes, sizeof(*ret));
	ret->magic = GUINT32_FROM_LE(ret->magic);
	ret->slot = GUINT32_FROM_LE(ret->slot);
	ret->length_flags = GUINT32_FROM_LE(ret->length_flags);
	ret->crc32c = GUINT32_FROM_LE(ret->crc32c);
	length = ret->length_flags & VK_SLOT_LENGTH_MASK;
	return ret->magic == VK_FRAME_MAGIC && ret->slot < slots && length > 0 &&
	       length <= VK_BLOCK_SIZE + VK_TAG_SIZE && at + sizeof(*ret) + length <= scan->end;
}

static guint64 frame_end(guint64 at, const VkFrameHeader *header)
{
	guint64 end = at + sizeof(*header) + (header->length_flags & VK_SLOT_LENGTH_MASK);

	return (end + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN * VK_FRAME_ALIGN;
}

static gboolean is_sound(Scan *scan, guint64 at, const VkFrameHeader *header, GError **error)
{
	gsize length = header->length_flags & VK_SLOT_LENGTH_MASK;
	const guint8 *frame = bytes_at(scan, at, sizeof(*header) + length, error);

	return frame &&
	       header->crc32c == vk_frame_checksum(scan->scanner->context, scan->id, header->slot,
						   header->length_flags, frame + sizeof(*header));
}

/* Whether the table has this frame at AT: what lies elsewhere is not read. */
static gboolean is_in_table(const Scan *scan, guint64 at, const VkFrameHeader *header)
{
	const VkTableEntry *entry = scan->table ? &scan->table[header->slot] : NULL;

	return !entry || (GUINT32_FROM_LE(entry->length_flags) == header->length_flags &&
			  GUINT32_FROM_LE(entry->offset16) == at / VK_FRAME_ALIGN);
}

static void take_frame(Scan *scan, guint64 at, const VkFrameHeader *header)
{
	VkPackScan *ret = scan->ret;

	if (vk_slots_have(&ret->sound, header->slot) || !is_in_table(scan, at, header))
		return;
	add_slot(&ret->sound, header->slot);
	ret->n_sound++;
	ret->bytes += header->length_flags & VK_SLOT_LENGTH_MASK;
}

/*
 * One step of the walk from frame to frame. Frames follow each other. Behind one that is damaged
 * the next is looked for at each place where one may begin; what lies in the content of another is
 * no frame of this pack, since a checksum has its id. Only a header that leads to a next frame
 * tells which slot is damaged.
 */
static gboolean step(Scan *scan, guint64 *at, GError **error)
{
	GError *trouble = NULL;
	VkFrameHeader header, next;
	gboolean is_frame = find_frame(scan, *at, &header, &trouble);

	if (is_frame && is_sound(scan, *at, &header, &trouble)) {
		take_frame(scan, *at, &header);
		*at = frame_end(*at, &header);
	} else if (is_frame && !trouble &&
		   (frame_end(*at, &header) >= scan->end ||
		    find_frame(scan, frame_end(*at, &header), &next, &trouble))) {
		add_slot(&scan->ret->bad, header.slot);
		*at = frame_end(*at, &header);
	} else {
		*at += VK_FRAME_ALIGN;
	}
	if (trouble)
		g_propagate_error(error, trouble);
	return !trouble;
}

static gboolean walk(Scan *scan, GError **error)
{
	guint64 at = sizeof(VkPackHeader);

	while (at < scan->end)
		if (!step(scan, &at, error))
			return FALSE;
	return TRUE;
}

/* What the table has, if it lies open. */
static void add_expected(Scan *scan, VkSlots *slots)
{
	guint32 count = GUINT32_FROM_LE(scan->trailer.slots), live = 0;

	memset(slots, 0, sizeof(*slots));
	for (guint32 slot = 0; slot < count; slot++) {
		guint32 length_flags = GUINT32_FROM_LE(scan->table[slot].length_flags);

		if ((length_flags & VK_SLOT_LENGTH_MASK) == 0)
			continue;
		add_slot(slots, slot);
		live++;
	}
	if (live != GUINT32_FROM_LE(scan->trailer.live))
		note_damage(scan, "its trailer contradicts its table");
}

/*
 * After the walk: which slots should be there and are not. Without the table it is known as long as
 * a collector has dropped none.
 */
static void find_bad(Scan *scan)
{
	VkPackScan *ret = scan->ret;
	guint32 slots = GUINT32_FROM_LE(scan->trailer.slots);
	guint32 live = GUINT32_FROM_LE(scan->trailer.live), known;

	if (scan->table)
		add_expected(scan, &ret->bad);
	for (guint32 slot = 0; slot < slots && live == slots && !scan->table; slot++)
		add_slot(&ret->bad, slot);
	for (guint i = 0; i < sizeof(ret->bad.bits); i++)
		ret->bad.bits[i] &= (guint8)~ret->sound.bits[i];
	known = ret->n_sound + vk_slots_count(&ret->bad);
	ret->n_nameless = !scan->table && live > known ? live - known : 0;
}

/* Its checksum, and what it says if it lies open. Damage is noted. */
static gboolean take_table(Scan *scan, GError **error)
{
	const VkPackContext *context = scan->scanner->context;
	gboolean is_sealed = vk_pack_context_is_sealed(context);
	gsize length = GUINT32_FROM_LE(scan->trailer.table_length);
	gsize expected = GUINT32_FROM_LE(scan->trailer.slots) * sizeof(VkTableEntry) +
			 (is_sealed ? VK_TAG_SIZE : 0);
	const guint8 *bytes;

	if (length != expected) {
		note_damage(scan, "its trailer contradicts its size");
		return TRUE;
	}
	bytes = bytes_at(scan, scan->end, length, error);
	if (!bytes)
		return FALSE;
	if (GUINT32_FROM_LE(scan->trailer.table_crc32c) !=
	    vk_crc32c(vk_pack_context_crc(context, scan->id), bytes, length))
		note_damage(scan, "checksum of its table");
	else if (!is_sealed)
		scan->table = g_memdup2(bytes, length);
	return TRUE;
}

char *vk_pack_scan_slots_text(const VkSlots *slots)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint32 count = vk_slots_count(slots), named = 0, ranges = 0;

	for (guint32 slot = 0; slot < VK_SLOTS_MAX && ranges < RANGES_MAX; slot++) {
		guint32 first = slot;

		if (!vk_slots_have(slots, slot))
			continue;
		while (slot + 1 < VK_SLOTS_MAX && vk_slots_have(slots, slot + 1))
			slot++;
		named += slot - first + 1;
		g_string_append_printf(text, "%s%u", ranges++ > 0 ? ", " : "", first);
		if (slot > first)
			g_string_append_printf(text, "-%u", slot);
	}
	if (named < count)
		g_string_append_printf(text, " and %u more", count - named);
	return g_strdup_printf("%s %s", count == 1 ? "slot" : "slots", text->str);
}

/* What is wrong with frames comes behind what is wrong with the rest. */
static void describe(Scan *scan)
{
	VkPackScan *ret = scan->ret;
	guint32 n_bad = vk_slots_count(&ret->bad);
	g_autofree char *slots = n_bad > 0 ? vk_pack_scan_slots_text(&ret->bad) : NULL;
	g_autofree char *nameless = ret->n_nameless > 0
					    ? g_strdup_printf("%s%u of its frames",
							      slots ? " and " : "", ret->n_nameless)
					    : NULL;

	ret->is_usable = !ret->what;
	if (!ret->what && (slots || nameless))
		ret->what = g_strdup_printf("'%s' is damaged in %s%s", scan->object,
					    slots ? slots : "", nameless ? nameless : "");
}

/* The object's, or that of what its parity gives back: that may be longer. */
static gboolean get_size(Scan *scan, GError **error)
{
	const VkMended *mended = vk_mending_mended(scan->mending);
	VkStore *store = scan->scanner->store;

	if (mended) {
		scan->size = vk_mended_covered(mended);
		return TRUE;
	}
	if (!store->ops->head(store, scan->object, &scan->size, NULL, error))
		return FALSE;
	if (scan->size < sizeof(VkPackHeader) + sizeof(VkPackTrailer) ||
	    scan->size > VK_PACK_TOTAL_MAX)
		note_damage(scan, "its size cannot be");
	return TRUE;
}

static gboolean scan_parts(Scan *scan, GError **error)
{
	if (!get_size(scan, error))
		return FALSE;
	if (scan->ret->what)
		return TRUE;
	if (!take_header(scan, error) || !take_trailer(scan, error) ||
	    (scan->has_trailer && !take_table(scan, error)) || !walk(scan, error))
		return FALSE;
	if (scan->has_trailer)
		find_bad(scan);
	describe(scan);
	return TRUE;
}

static gboolean scan_once(Scan *scan, GError **error)
{
	gboolean done;

	vk_pack_scan_clear(scan->ret);
	memset(scan->ret, 0, sizeof(*scan->ret));
	scan->start = scan->length = 0;
	done = scan_parts(scan, error);
	g_clear_pointer(&scan->table, g_free);
	return done;
}

/* The parity is read as well: it protects all that was read until now. */
static gboolean check_parity(Scan *scan, GError **error)
{
	const VkPackScanner *scanner = scan->scanner;
	GError *trouble = NULL;

	return vk_mending_check(scanner->store, scanner->context, scan->id, scan->object,
				&trouble) ||
	       take_trouble(scan, trouble, error);
}

gboolean vk_pack_scan(const VkPackScanner *scanner, const VkPackId *id, const char *object,
		      VkPackScan *ret, GError **error)
{
	g_autofree guint8 *window = g_malloc(WINDOW_SIZE);
	Scan scan = {.scanner = scanner,
		     .id = id,
		     .object = object,
		     .mending = vk_mending_new(),
		     .window = window,
		     .ret = ret};
	gboolean done = scan_once(&scan, error);

	if (done && ret->what) {
		g_autoptr(GError) trouble =
			g_error_new_literal(VK_ERROR, VK_ERROR_DAMAGE, ret->what);

		if (vk_mending_try(scan.mending, scanner->store, scanner->context, id, object,
				   &trouble))
			done = scan_once(&scan, error);
	} else if (done) {
		done = check_parity(&scan, error);
	}
	if (done)
		vk_progress_add(scanner->progress, scan.size);
	vk_mending_free(scan.mending);
	return done;
}
