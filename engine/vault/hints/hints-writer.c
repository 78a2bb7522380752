/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hints-writer.h"

#include "crc.h"
#include "pack-id.h"

#include "errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE ((gsize)256 * 1024)
/* Of each input of a merge: 64 KiB. */
#define ENTRIES_PER_READ 4096u

struct VkHintsWriter {
	FILE *stream;
	const VkPackContext *context;
	char *folder; /* for errors */
	guint32 packs;
	guint64 entries;
	VkHintHeader header; /* complete at the end */
};

static gboolean write_bytes(VkHintsWriter *writer, const void *bytes, gsize length, GError **error)
{
	if (length > 0 && fwrite(bytes, length, 1, writer->stream) != 1)
		return vk_fail_errno(error, errno, "cannot write a temporary file in '%s'",
				     writer->folder);
	return TRUE;
}

VkHintsWriter *vk_hints_writer_new(const char *folder, const VkPackContext *context, GError **error)
{
	g_autoptr(VkHintsWriter) writer = g_new0(VkHintsWriter, 1);
	int fd = vk_hints_file_create(folder, error);

	writer->context = context;
	writer->folder = g_strdup(folder);
	if (fd < 0)
		return NULL;
	writer->stream = fdopen(fd, "w+");
	if (!writer->stream)
		g_error("out of memory");
	setvbuf(writer->stream, NULL, _IOFBF, BUFFER_SIZE);
	memcpy(writer->header.magic, VK_HINT_MAGIC, sizeof(writer->header.magic));
	writer->header.version = GUINT16_TO_LE(VK_FORMAT_VERSION);
	writer->header.header_length = GUINT16_TO_LE(sizeof(writer->header));
	memcpy(writer->header.vault_id, context->vault_id, VK_ID_SIZE);
	if (!write_bytes(writer, &writer->header, sizeof(writer->header), error))
		return NULL;
	return g_steal_pointer(&writer);
}

void vk_hints_writer_free(VkHintsWriter *writer)
{
	if (!writer)
		return;
	/* Nothing is lost by a failure here: what counts was flushed by the finish. */
	if (writer->stream)
		fclose(writer->stream);
	g_free(writer->folder);
	g_free(writer);
}

gboolean vk_hints_writer_add_packs(VkHintsWriter *writer, const VkPackId *packs, guint32 count,
				   GError **error)
{
	if (count > G_MAXUINT32 - writer->packs)
		return vk_fail(error, VK_ERROR_FAILED, "too many packs for one hint file");
	writer->packs += count;
	return write_bytes(writer, packs, count * sizeof(VkPackId), error);
}

gboolean vk_hints_writer_add(VkHintsWriter *writer, const VkHintEntry *entry, GError **error)
{
	VkHintEntry stored = {
		.prefix = GUINT64_TO_LE(entry->prefix),
		.pack = GUINT32_TO_LE(entry->pack),
		.slot = GUINT32_TO_LE(entry->slot),
	};

	writer->entries++;
	return write_bytes(writer, &stored, sizeof(stored), error);
}

static gboolean flush(VkHintsWriter *writer, GError **error)
{
	if (fflush(writer->stream) == 0)
		return TRUE;
	return vk_fail_errno(error, errno, "cannot write a temporary file in '%s'", writer->folder);
}

VkHintsFile *vk_hints_writer_finish(VkHintsWriter *writer, GError **error)
{
	int fd = fileno(writer->stream);
	guint32 crc;

	if (!flush(writer, error))
		return NULL;
	writer->header.packs = GUINT32_TO_LE(writer->packs);
	writer->header.entries = GUINT64_TO_LE(writer->entries);
	if (!vk_hints_header_crc(&writer->header, fd, &crc, error)) {
		g_prefix_error(error, "a temporary file in '%s': ", writer->folder);
		return NULL;
	}
	writer->header.crc32c = GUINT32_TO_LE(crc);
	rewind(writer->stream);
	if (!write_bytes(writer, &writer->header, sizeof(writer->header), error) ||
	    !flush(writer, error))
		return NULL;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		vk_fail_errno(error, errno, "cannot keep a temporary file in '%s'", writer->folder);
		return NULL;
	}
	return vk_hints_file_new(fd, "hints", writer->context, error);
}

/* A place in an input of the merge. */
typedef struct {
	VkHintsFile *file;
	guint32 *packs; /* of each of its packs the number among the output's */
	gboolean has_entry;
	VkHintEntry entry; /* host byte order; the pack is that of the output */
	guint64 next;      /* entry to be read */
	VkHintEntry read[ENTRIES_PER_READ];
	guint32 count, left; /* of READ: those in it, and those at its end not looked at yet */
} Cursor;

/* The next entry as it is stored; NULL at the end, and when the file cannot be read any more. */
static const VkHintEntry *next_stored(Cursor *cursor)
{
	if (cursor->left == 0) {
		cursor->count =
			(guint32)MIN(cursor->file->entries - cursor->next, ENTRIES_PER_READ);
		if (cursor->count == 0 || !vk_hints_file_read_entries(cursor->file, cursor->next,
								      cursor->count, cursor->read))
			return NULL;
		cursor->next += cursor->count;
		cursor->left = cursor->count;
	}
	return &cursor->read[cursor->count - cursor->left--];
}

/* Goes to the next entry above the present one, past damaged ones: they would spoil the order. */
static void advance(Cursor *cursor)
{
	guint64 last = cursor->entry.prefix;
	gboolean is_first = !cursor->has_entry;
	const VkHintEntry *stored;

	cursor->has_entry = FALSE;
	while ((stored = next_stored(cursor))) {
		guint64 prefix = GUINT64_FROM_LE(stored->prefix);
		guint32 pack = GUINT32_FROM_LE(stored->pack);
		guint32 slot = GUINT32_FROM_LE(stored->slot);

		if (pack >= cursor->file->packs || slot >= VK_SLOTS_MAX ||
		    (!is_first && prefix <= last))
			continue;
		cursor->entry = (VkHintEntry){prefix, cursor->packs[pack], slot};
		cursor->has_entry = TRUE;
		return;
	}
}

/* The first of the cursors with the smallest prefix: the newest. */
static Cursor *find_smallest(Cursor *cursors, guint count)
{
	Cursor *smallest = NULL;

	for (guint i = 0; i < count; i++)
		if (cursors[i].has_entry &&
		    (!smallest || cursors[i].entry.prefix < smallest->entry.prefix))
			smallest = &cursors[i];
	return smallest;
}

static gboolean merge_entries(VkHintsWriter *writer, Cursor *cursors, guint count, GError **error)
{
	Cursor *smallest;

	while ((smallest = find_smallest(cursors, count))) {
		VkHintEntry entry = smallest->entry;

		if (!vk_hints_writer_add(writer, &entry, error))
			return FALSE;
		for (guint i = 0; i < count; i++)
			if (cursors[i].has_entry && cursors[i].entry.prefix == entry.prefix)
				advance(&cursors[i]);
	}
	return TRUE;
}

/* The output's number of the pack, which gets the next one when it is new. */
static gboolean number_pack(VkHintsWriter *writer, GHashTable *numbers, const VkPackId *id,
			    guint32 *ret, GError **error)
{
	gpointer known;

	if (g_hash_table_lookup_extended(numbers, id, NULL, &known)) {
		*ret = GPOINTER_TO_UINT(known);
		return TRUE;
	}
	*ret = writer->packs;
	g_hash_table_insert(numbers, g_memdup2(id, sizeof(*id)), GUINT_TO_POINTER(*ret));
	return vk_hints_writer_add_packs(writer, id, 1, error);
}

/*
 * Each pack once. Sessions at one time merge the same files, so that the packs of these come back
 * with the result of each. Ids of an input that cannot be read any more are zeros: so are none of
 * its entries taken.
 */
static gboolean copy_packs(VkHintsWriter *writer, GHashTable *numbers, Cursor *cursor,
			   GError **error)
{
	g_autofree VkPackId *ids = g_new0(VkPackId, ENTRIES_PER_READ);
	VkHintsFile *file = cursor->file;

	cursor->packs = g_new(guint32, file->packs);
	for (guint32 done = 0, part; done < file->packs; done += part) {
		part = MIN(file->packs - done, ENTRIES_PER_READ);
		vk_hints_file_read_packs(file, done, part, ids);
		for (guint32 i = 0; i < part; i++)
			if (!number_pack(writer, numbers, &ids[i], &cursor->packs[done + i], error))
				return FALSE;
	}
	return TRUE;
}

static gboolean merge(VkHintsWriter *writer, const GPtrArray *files, Cursor *cursors,
		      GError **error)
{
	g_autoptr(GHashTable) numbers =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, g_free, NULL);

	for (guint i = 0; i < files->len; i++) {
		cursors[i].file = g_ptr_array_index(files, i);
		if (!copy_packs(writer, numbers, &cursors[i], error))
			return FALSE;
		advance(&cursors[i]);
	}
	return merge_entries(writer, cursors, files->len, error);
}

VkHintsFile *vk_hints_files_merge(GPtrArray *files, const char *folder,
				  const VkPackContext *context, GError **error)
{
	g_autoptr(VkHintsWriter) writer = vk_hints_writer_new(folder, context, error);
	g_autofree Cursor *cursors = g_new0(Cursor, files->len);
	gboolean done = writer && merge(writer, files, cursors, error);

	for (guint i = 0; i < files->len; i++)
		g_free(cursors[i].packs);
	return done ? vk_hints_writer_finish(writer, error) : NULL;
}
