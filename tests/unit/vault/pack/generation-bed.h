/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of generations share: a vault with one pack, and a reader, whose store is watched.
 */
#pragma once

#include "image-bed.h"
#include "vault-parts.h"

#define N_BLOCKS 12
#define NONE     G_MAXUINT32 /* no slot is dropped */

/* Of one test. */
typedef struct GenerationBed {
	MemSource *source;
	VkSnapshot *snapshot;
	VkPackId pack;
	VkVault *reader; /* as another process opens the vault: it has read nothing yet */
	guint listings;
	guint table_reads; /* each begins with the header */
	guint blind;       /* so many of the next listings show nothing */
	/* What the store does behind the reader's back: NULL, or called with each object before it
	 * is read. */
	void (*meddle)(const char *name);
} GenerationBed;

extern GenerationBed bed;

void prepare(void);
void finish(void);

/* Of a generation of the pack, such as "1-0a". New string. */
char *path_of(const char *generation);

/* Compacts the first generation to another, without the slots FROM to TO. */
void make_generation(const char *generation, guint32 from, guint32 to);
void drop_generation(const char *generation);

/* Overwrites LENGTH bytes of it, or as many as there are. */
void damage(const char *generation, gsize from, gsize length);

/* That all blocks can be read; that a slot cannot, with TEXT in the error. */
void expect_readable(void);
void expect_failure(guint32 slot, const char *text);
