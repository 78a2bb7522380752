/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's checkpoints, one call each, for the folders of engine/virt. Threads: free.
 */
#pragma once

#include "checkpoint.h"
#include "guest-libvirt.h"

#include <glib.h>
#include <libvirt/libvirt.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainCheckpoint, virDomainCheckpointFree)

/* All that libvirt knows of the checkpoint NAME: the XML that defines it anew. New string. */
char *vk_checkpoint_get_xml(virDomainPtr domain, const char *name, GError **error);

/* Likewise what QEMU says of its bitmaps' sizes, without the domain. */
char *vk_checkpoint_get_sizes(virDomainPtr domain, const char *name, GError **error);

/* The names (char*) of the checkpoints that libvirt knows, all or ours only. */
GPtrArray *vk_checkpoint_names(virDomainPtr domain, GError **error);

/*
 * Defines the checkpoint of XML, which libvirt need not know yet. VALIDATE asks QEMU for the
 * bitmaps: *RET_WHOLE is FALSE when one of them is missing or broken.
 */
gboolean vk_checkpoint_define(virDomainPtr domain, const char *xml, gboolean validate,
			      gboolean *ret_whole, GError **error);

/*
 * Deletes the checkpoint with its bitmaps. If that fails, it deletes libvirt's knowledge of it
 * alone, and *RET_WHOLE (nullable) is FALSE. The checkpoint need not exist.
 */
gboolean vk_checkpoint_delete_whole(virDomainPtr domain, const char *name, gboolean *ret_whole,
				    GError **error);
gboolean vk_checkpoint_delete(virDomainPtr domain, const char *name, GError **error);

/* Makes libvirt forget it; the bitmaps stay. It need not exist. */
gboolean vk_checkpoint_forget(virDomainPtr domain, const char *name, GError **error);
