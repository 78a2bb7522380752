/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuestWriter: writes what a walk finds below a directory of a running guest. A file appears
 * under its name when it is whole, by its checksum inside the guest. Threads: one at a time.
 */
#pragma once

#include "copy-count.h"
#include "copy-sum.h"
#include "guest-files.h"
#include "inside.h"

#include <glib.h>

typedef struct VkGuestWriter VkGuestWriter;

/*
 * Finds the directory PATH in the guest INSIDE, which is borrowed until the free. TITLE is the
 * guest's name, for messages.
 */
VkGuestWriter *vk_guest_writer_new(VkInside *inside, const char *title, const char *path,
				   gboolean overwrite, GError **error);
void vk_guest_writer_free(VkGuestWriter *writer); /* takes NULL; drops a file that is not whole */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestWriter, vk_guest_writer_free)

/*
 * From now on what is asked for, which is SUM, is written as NAME in the directory; "": in the
 * directory itself. VK_ERROR_FAILED when there is no room for it.
 */
gboolean vk_guest_writer_begin(VkGuestWriter *writer, const char *name, const VkCopySum *sum,
			       GError **error);

/* The calls of a walk with all flags but VK_WALK_FOLLOW. */
VkWalkCalls vk_guest_writer_calls(VkGuestWriter *writer);

/* The end of the walk: the last file, and the owners and modes of the directories. */
gboolean vk_guest_writer_end(VkGuestWriter *writer, GError **error);

const VkCopyCount *vk_guest_writer_count(const VkGuestWriter *writer);
