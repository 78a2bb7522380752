/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image in memory: the model that images read back are compared with, and a VkSource of it.
 */
#pragma once

#include "source.h"

#include <glib.h>

typedef struct MemSource {
	VkSource base;
	guint8 *bytes;
	guint8 *kinds;   /* VkSourceKind for each 4 KiB; the last may be shorter */
	guint8 *changed; /* for each change unit, when the source knows its changes; else NULL */
	gint fail_after; /* reads until one fails; -1: never */
} MemSource;

#define MEM_UNIT 4096u

/* All hole. Freed with vk_source_free(&source->base). */
MemSource *mem_source_new(guint64 size);

/*
 * One block for each character of CONTENT, filled with it. The same characters are the same block;
 * '.' is a hole.
 */
MemSource *mem_source_of_blocks(const char *content);

/*
 * Writes random compressible or incompressible bytes, zeros, or a hole over units from the range.
 */
void mem_source_scribble(MemSource *source, GRand *random, guint times, guint units_max);

/*
 * Lets the source know what changed since EARLIER, which has its size: every unit that differs, and
 * by chance some more.
 */
void mem_source_track(MemSource *source, const MemSource *earlier, GRand *random);

/* A copy of another size; what is beyond the old one is a hole. */
MemSource *mem_source_resized(const MemSource *source, guint64 size);
