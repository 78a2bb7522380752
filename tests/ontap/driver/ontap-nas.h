/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the ONTAP driver with images on NFS share: the volumes "vm", "vmstore" and
 * "other", a guest with a disk on each of the first two, and snapshot sets of them. Failures end
 * the test.
 */
#pragma once

#include "json.h"
#include "ontap-bed.h"
#include "snapshot-set.h"

#include <glib.h>
#include <jansson.h>

#define MAIL "66666666-7777-8888-9999-000000000000"

extern Bed *bed;

/* The fixture. */
void nas_setup(void);
void nas_teardown(void);

/* Where IMAGE, a raw one, lies. */
VkArrayDisk *nas_try_probe(const char *image, GError **error);
VkArrayDisk *nas_probe(const char *image);

VkSnapshotSet *nas_make_set(void);
gboolean nas_run_set(VkSnapshotSet *set, GError **error);

/* A set of the web guest with its first disk, or with both. Not yet run. */
VkSnapshotSet *nas_web_set(gboolean both);

/* The copy of the web guest's first disk, taken and listed. New reference. */
json_t *nas_listed_copy(gboolean both);

void nas_check_content(const json_t *copy, const char *content);

/* The snapshots of a volume, or with NULL of all. */
guint nas_count_snapshots(const char *volume);

/* Whatever was asked: only single snapshots of ours and groups of ours were removed, by uuid. */
void nas_check_log(void);
