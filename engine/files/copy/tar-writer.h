/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTarWriter: writes what walks find as a tar archive (pax): names as bytes without a leading '/',
 * owners as numbers, extended attributes, hard links, and files without their holes. Threads: one
 * at a time.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkTarWriter VkTarWriter;

/* What the archive does not have. */
typedef struct VkTarCount {
	guint64 skipped; /* sockets: an archive can have none */
	guint64 failed;  /* what it cannot have as it is, each of which was warned of */
} VkTarCount;

/* Where the archive goes. FALSE with an error ends it. */
typedef gboolean (*VkTarOutput)(const void *bytes, gsize length, GError **error);

VkTarWriter *vk_tar_writer_new(VkTarOutput output, GError **error);
/* Takes NULL. What is not finished has no end of an archive: whoever reads it notices. */
void vk_tar_writer_free(VkTarWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTarWriter, vk_tar_writer_free)

/* From now on what is asked for has the path NAME in the archive, "" for the top of all. */
void vk_tar_writer_begin(VkTarWriter *writer, const char *name);

/*
 * The calls of a walk with all flags but VK_WALK_FOLLOW, of one appliance. A file is left out if it
 * cannot be read at all. It has zeros, and is warned of, where it cannot be read later on.
 */
VkWalkCalls vk_tar_writer_calls(VkTarWriter *writer);

/* The end of a walk: its last entry. */
gboolean vk_tar_writer_end(VkTarWriter *writer, GError **error);

/* The end of the archive. */
gboolean vk_tar_writer_finish(VkTarWriter *writer, GError **error);

const VkTarCount *vk_tar_writer_count(const VkTarWriter *writer);
