/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in the golden vaults, by a formula. It may never change. */
#pragma once

#include "format.h"
#include "memory-source.h"

#include <string.h>

#define GOLDEN_UUID      "12345678-9abc-4def-8123-456789abcdef"
#define GOLDEN_SNAPSHOTS 3u
#define GOLDEN_BLOCKS    12u
#define GOLDEN_TAIL      5000u
#define GOLDEN_SIZE      (GOLDEN_BLOCKS * VK_BLOCK_SIZE + GOLDEN_TAIL)

/* The secrets of the encrypted ones: of role full, append, and restore. */
#define GOLDEN_FULL    "\1the content of the golden key file of role full"
#define GOLDEN_APPEND  "\1the content of the golden key file of role append"
#define GOLDEN_RESTORE "the golden passphrase of role restore"

static const char *const golden_times[GOLDEN_SNAPSHOTS] = {"20260102T030405Z", "20260103T030405Z",
							   "20260104T030405Z"};

static void golden_write(MemSource *image, guint64 at, const void *bytes, gsize length)
{
	memcpy(image->bytes + at, bytes, length);
	memset(image->kinds + at / MEM_UNIT, VK_SOURCE_DATA, (length + MEM_UNIT - 1) / MEM_UNIT);
}

/* A block of text that compresses well. */
static void golden_write_text(MemSource *image, guint block, guint version)
{
	g_autofree char *text = g_malloc0(VK_BLOCK_SIZE);

	for (guint at = 0; at < VK_BLOCK_SIZE; at += 64)
		g_snprintf(text + at, 64, "block %u, version %u, line %u\n", block, version,
			   at / 64 % 100);
	golden_write(image, (guint64)block * VK_BLOCK_SIZE, text, VK_BLOCK_SIZE);
}

/* The end of the image, which does not compress. */
static void golden_write_tail(MemSource *image)
{
	guint8 tail[GOLDEN_TAIL];
	guint32 state = 1;

	for (guint i = 0; i < GOLDEN_TAIL; i++) {
		state = state * 1664525u + 1013904223u;
		tail[i] = (guint8)(state >> 24);
	}
	golden_write(image, (guint64)GOLDEN_BLOCKS * VK_BLOCK_SIZE, tail, GOLDEN_TAIL);
}

/* The image that the snapshot with this number has. New. */
static MemSource *golden_image(guint number)
{
	MemSource *image = mem_source_new(GOLDEN_SIZE);

	for (guint block = 0; block < GOLDEN_BLOCKS; block++)
		if (block % 5 != 3)
			golden_write_text(image, block, 0);
	golden_write_tail(image);
	/* Allocated zeros. */
	memset(image->kinds + 8 * (VK_BLOCK_SIZE / MEM_UNIT), VK_SOURCE_DATA,
	       VK_BLOCK_SIZE / MEM_UNIT);
	if (number >= 1) {
		golden_write_text(image, 5, 1);
		golden_write_text(image, 6, 1);
	}
	if (number >= 2)
		golden_write_text(image, 3, 2);
	return image;
}
