/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkChainMemory: which snapshot of each guest of a vault was the newest that this host has seen. It
 * is a SQLite file beside the host's other state. If it is lost, what the vault shows next is
 * believed. Nothing here fails: a memory that does not work knows nothing. Threads: free, but for
 * the free.
 */
#pragma once

#include <glib.h>

typedef struct VkChainMemory VkChainMemory;

/* The newest snapshot that was seen of a guest. */
typedef struct VkChainEnd {
	char *uuid;     /* of the guest */
	guint64 number; /* of the snapshot: see VkSnapshot; not 0 */
	char *time, *id;
	char *sha256; /* of its object */
} VkChainEnd;

VkChainEnd *vk_chain_end_new(const char *uuid, guint64 number, const char *time, const char *id,
			     const char *sha256);
void vk_chain_end_free(VkChainEnd *end);

/* The file PATH and its folder are made when something is first remembered. */
VkChainMemory *vk_chain_memory_new(const char *path);
void vk_chain_memory_free(VkChainMemory *memory); /* takes NULL */

/* The path of the file. Borrowed. */
const char *vk_chain_memory_path(const VkChainMemory *memory);

/*
 * What is remembered of the guest UUID, or of all with NULL. Returns VkChainEnd*, owned by the
 * array. MEMORY may be NULL here and below: nothing is remembered.
 */
GPtrArray *vk_chain_memory_read(VkChainMemory *memory, const char *uuid);

/* Remembers ENDS, VkChainEnd*, unless the same number or a higher one is known of a guest. */
void vk_chain_memory_advance(VkChainMemory *memory, const GPtrArray *ends);
