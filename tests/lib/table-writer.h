/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Partition tables, written as the guests' tools do: little-endian, with checksums. */
#pragma once

#include <glib.h>

/* One entry of an MBR, or of a logical partition's sector; in sectors. */
void write_mbr_entry(guint8 *sector, guint index, guint8 type, guint32 start, guint32 count);

/* Entry NUMBER (from 1) of the array of entries at ARRAY, of 128 bytes each. */
void write_gpt_entry(guint8 *array, guint number, guint64 first, guint64 last);

/* What a header says. */
typedef struct GptHeader {
	guint64 sector;    /* where it is */
	guint64 alternate; /* where the other one is */
	guint64 array;     /* where the entries are */
	guint32 count;
	guint32 entry_size;
} GptHeader;

/* A header with the checksums of itself and of COUNT * ENTRY_SIZE bytes at ARRAY. */
void write_gpt_header(guint8 *to, const GptHeader *header, const guint8 *array);
