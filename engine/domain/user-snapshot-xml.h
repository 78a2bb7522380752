/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's <domainsnapshot>. Threads: free. */
#pragma once

#include <glib.h>

/*
 * Adds to FILES (char*) the files that the snapshot of XML began: the disks of an external one.
 * VK_ERROR_FAILED when it is no snapshot.
 */
gboolean vk_user_snapshot_xml_files(const char *xml, GPtrArray *files, GError **error);
