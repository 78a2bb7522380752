/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checkpoints of a guest that libvirt knows. Each function is one call. Whether a checkpoint's
 * bitmaps can be relied on is another question. Threads: free.
 */
#pragma once

#include "guest.h"

#include <glib.h>

/* All that libvirt knows of the checkpoint NAME: the XML that defines it anew. New string. */
char *vk_checkpoint_get_xml(VkGuest *guest, const char *name, GError **error);

/* What QEMU says of the sizes of its bitmaps, as XML without the domain. New string. */
char *vk_checkpoint_get_sizes(VkGuest *guest, const char *name, GError **error);

/* The names (char*) of all checkpoints of the guest, ours and others'. Owned by the array. */
GPtrArray *vk_checkpoint_names(VkGuest *guest, GError **error);

/*
 * Defines the checkpoint of XML, whether or not libvirt knows it. VALIDATE asks QEMU for the
 * bitmaps: *RET_WHOLE is FALSE when one of them is missing or broken.
 */
gboolean vk_checkpoint_define(VkGuest *guest, const char *xml, gboolean validate,
			      gboolean *ret_whole, GError **error);

/*
 * Deletes the checkpoint with its bitmaps. If that fails, it deletes libvirt's knowledge of it
 * alone, and *RET_WHOLE (nullable) is FALSE. The checkpoint need not exist.
 */
gboolean vk_checkpoint_delete_whole(VkGuest *guest, const char *name, gboolean *ret_whole,
				    GError **error);
gboolean vk_checkpoint_delete(VkGuest *guest, const char *name, GError **error);

/* Makes libvirt forget it; the bitmaps stay. It need not exist. */
gboolean vk_checkpoint_forget(VkGuest *guest, const char *name, GError **error);
