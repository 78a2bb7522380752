/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRestoreOptions: what a restore is asked to do. Threads: one at a time.
 */
#pragma once

#include <glib.h>

/* Zero-initialised by the caller, done by vk_restore_options_clear(). */
typedef struct VkRestoreOptions {
	char **snapshots; /* "GUEST@TIME"... */
	char **disks;     /* "vda" or "vda=PATH"... */
	char **files;     /* "NAME" or "NAME=DEST"... */
	char *directory;  /* --to, absolute after the check */
	char *as_name;
	char *format;        /* "raw", "qcow2", or NULL: as the original was */
	gboolean keep_chain; /* let disks stand on the backing files that they had */
	gboolean decrypted;  /* write plain text where the original was encrypted */
	char **networks;     /* "OLD=NEW"... */
	gboolean no_network;
	gboolean in_place;
	gboolean start;
	gboolean dry_run;
	gboolean force;
	gboolean keep_old;
	gboolean all_vaults;   /* look for snapshots in other vaults as well */
	gboolean skip_damaged; /* restore what is left of damaged images */
} VkRestoreOptions;

/*
 * VK_ERROR_USAGE for what contradicts itself. JSON: a JSON document goes to stdout.
 * Makes the directory absolute.
 */
gboolean vk_restore_options_check(VkRestoreOptions *options, gboolean json, GError **error);

/* TRUE when parts of a snapshot are wanted, as against a whole guest. */
gboolean vk_restore_options_has_parts(const VkRestoreOptions *options);

/* TRUE when a file is to be written to stdout, which then belongs to it alone. */
gboolean vk_restore_options_has_stdout(const VkRestoreOptions *options);

/* Splits "NAME=VALUE" at the first '='; *RET_VALUE is NULL without one. New strings. */
void vk_restore_part_split(const char *part, char **ret_name, char **ret_value);

void vk_restore_options_clear(VkRestoreOptions *options);
