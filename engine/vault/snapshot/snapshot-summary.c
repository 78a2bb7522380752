/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot-summary.h"

#include <string.h>

/* Packed are first the numbers, little-endian, then the texts, each with its 0. */
#define NUMBERS 9
#define TEXTS   6

static char *copies_text(const VkSnapshot *snapshot)
{
	if (snapshot->disks->len == 0)
		return g_strdup("vault");
	return vk_image_copies_text(
		((const VkDiskRecord *)g_ptr_array_index(snapshot->disks, 0))->image);
}

static void add_number(GByteArray *packed, guint64 number)
{
	number = GUINT64_TO_LE(number);
	g_byte_array_append(packed, (const guint8 *)&number, sizeof(number));
}

static void add_text(GByteArray *packed, const char *text)
{
	g_byte_array_append(packed, (const guint8 *)(text ? text : ""),
			    text ? (guint)strlen(text) + 1 : 1);
}

VkSnapshotSummary *vk_snapshot_summary_new(const VkSnapshot *snapshot)
{
	GByteArray *packed = g_byte_array_new();
	g_autofree char *grade = vk_snapshot_grade(snapshot);
	g_autofree char *copies = copies_text(snapshot);
	g_autoptr(GBytes) bytes = NULL;
	guint64 size = 0, fresh = 0, stored = 0;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		size += disk->image->size;
		fresh += disk->fresh;
		stored += disk->stored;
	}
	add_number(packed, snapshot->pause_usec);
	add_number(packed, snapshot->duration_usec);
	add_number(packed, snapshot->disks->len);
	add_number(packed, size);
	add_number(packed, fresh);
	add_number(packed, stored);
	add_number(packed, !snapshot->incomplete);
	add_number(packed, (guint64)vk_snapshot_is_in_vault(snapshot));
	add_number(packed, (guint64)vk_snapshot_is_on_array(snapshot));
	add_text(packed, snapshot->name);
	add_text(packed, snapshot->host);
	add_text(packed, snapshot->label);
	add_text(packed, snapshot->consistency);
	add_text(packed, grade);
	add_text(packed, copies);
	bytes = g_byte_array_free_to_bytes(packed);
	return vk_snapshot_summary_unpack(bytes);
}

/* FALSE: there are fewer. */
static gboolean take_texts(const char *at, gsize length, const char *texts[TEXTS])
{
	for (guint i = 0; i < TEXTS; i++) {
		const char *end = memchr(at, '\0', length);

		if (!end)
			return FALSE;
		texts[i] = at;
		length -= (gsize)(end + 1 - at);
		at = end + 1;
	}
	return length == 0;
}

VkSnapshotSummary *vk_snapshot_summary_unpack(GBytes *packed)
{
	guint64 numbers[NUMBERS];
	const char *texts[TEXTS];
	VkSnapshotSummary *summary;
	gsize length;
	const char *at = g_bytes_get_data(packed, &length);

	if (length < sizeof(numbers) ||
	    !take_texts(at + sizeof(numbers), length - sizeof(numbers), texts))
		return NULL;
	memcpy(numbers, at, sizeof(numbers));
	for (guint i = 0; i < NUMBERS; i++)
		numbers[i] = GUINT64_FROM_LE(numbers[i]);
	summary = g_new(VkSnapshotSummary, 1);
	*summary = (VkSnapshotSummary){
		.name = texts[0],
		.host = texts[1],
		.label = *texts[2] ? texts[2] : NULL,
		.consistency = texts[3],
		.grade = texts[4],
		.copies = texts[5],
		.pause_usec = numbers[0],
		.duration_usec = numbers[1],
		.disks = numbers[2],
		.size = numbers[3],
		.fresh = numbers[4],
		.stored = numbers[5],
		.is_whole = numbers[6] != 0,
		.is_in_vault = numbers[7] != 0,
		.is_on_array = numbers[8] != 0,
		.packed = g_bytes_ref(packed),
	};
	return summary;
}

void vk_snapshot_summary_free(VkSnapshotSummary *summary)
{
	if (!summary)
		return;
	g_bytes_unref(summary->packed);
	g_free(summary);
}
