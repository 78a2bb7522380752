/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of virtkeep-files. Each gets the words behind its name, prints its result on stdout,
 * and hands back one error for main() to print. Threads: one at a time.
 */
#pragma once

#include "guest-files.h"
#include "location.h"
#include "program.h"
#include "vault.h"

#include <glib.h>

/* What the command line says, and the vault. */
typedef struct VkFilesRun {
	VkProgram program;
	gboolean long_format; /* -l */
	gboolean recursive;   /* -R */
	char *system;         /* --system; NULL */
	gboolean archive;     /* --archive */
	gboolean overwrite;   /* --overwrite */
	VkVault *vault;
} VkFilesRun;

typedef gboolean (*VkFilesCommand)(VkFilesRun *run, char **words, GError **error);

gboolean vk_files_volumes(VkFilesRun *run, char **words, GError **error);
gboolean vk_files_ls(VkFilesRun *run, char **words, GError **error);
gboolean vk_files_cat(VkFilesRun *run, char **words, GError **error);
gboolean vk_files_copy(VkFilesRun *run, char **words, GError **error);

/* Opens what TEXT names. Both results are to be cleared by the caller. */
gboolean vk_files_open(VkFilesRun *run, const char *text, VkLocation *ret_location,
		       VkGuestFiles **ret_files, GError **error);

/* The walk of a location with these flags (VkWalkFlags). Borrows from both. */
VkWalk vk_files_walk_of(const VkFilesRun *run, const VkLocation *location, guint flags);
