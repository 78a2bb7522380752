/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content: what a made-up disk holds, as a key for each block. A key alone gives a block's bytes,
 * so that a small file says what many snapshots have to read back. Equal keys are equal bytes:
 * disks share blocks as real ones do.
 */
#pragma once

#include "memory-source.h"

#include <glib.h>

typedef struct Content {
	guint64 size; /* bytes */
	GArray *keys; /* guint32 for each block of 64 KiB; 0: a hole */
} Content;

/* A disk of holes. */
Content *content_new(guint64 size);
Content *content_copy(const Content *content);
void content_free(Content *content); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Content, content_free)

/* Writes, moves and discards blocks in about COUNT places. */
void content_change(Content *content, GRand *random, guint count);

/* A hole is where it grows. */
void content_resize(Content *content, guint64 size);

/* In a file. Loading returns NULL with an error when it is not there or not whole. */
gboolean content_save(const Content *content, const char *path, GError **error);
Content *content_load(const char *path, GError **error);

/*
 * As a source for a backup. It knows its changes since EARLIER, which is nullable and has its size.
 * Freed with vk_source_free().
 */
MemSource *content_source(const Content *content, const Content *earlier);

/* Whether the LENGTH bytes from OFFSET on, a multiple of 64 KiB, are the content's. */
gboolean content_matches(const Content *content, guint64 offset, const guint8 *bytes, gsize length);
