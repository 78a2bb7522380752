/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of the files and bitmaps that a backup job makes. By the names alone a later run finds
 * what a killed one left. Threads: free.
 */
#pragma once

#include "backup-job.h"

#include <glib.h>

/* A socket in DIRECTORY, which belongs to one guest. New string. */
char *vk_backup_own_socket(const char *directory);

/* A socket of the guest UUID in RUN_DIR, which all guests share. New string. */
char *vk_backup_run_socket(const char *run_dir, const char *uuid);

/* Whether the job on the socket PATH is one of virtkeep's. */
gboolean vk_backup_is_our_socket(const char *path);

/* A scratch file for the disk TARGET of the guest UUID. New string. */
char *vk_backup_scratch_path(const char *scratch_dir, const char *uuid, const char *target);

/* A new name for a bitmap. New string. */
char *vk_backup_bitmap_name(void);
