/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of virtkeep-files. Each has its options beside its function, parses them by
 * vk_files_parse(), prints its result on stdout, and hands back one error for main() to print.
 * ARGV[0] is the command's name. Threads: one at a time.
 */
#pragma once

#include "array-drivers.h"
#include "guest-files.h"
#include "location.h"
#include "program.h"
#include "vault.h"

#include <glib.h>

/* What all commands have. Zero-initialised at first, done by vk_files_run_clear(). */
typedef struct VkFilesRun {
	VkProgram program;
	char *system;       /* --system; NULL */
	char **key_files;   /* --key-file; NULL */
	char *kernel;       /* --kernel; NULL */
	VkVolumeKeys *keys; /* of these files, and what was asked for */
	VkArrays *arrays;   /* of the vault */
	VkVault *vault;
} VkFilesRun;

void vk_files_run_clear(VkFilesRun *run);

typedef gboolean (*VkFilesCommand)(VkFilesRun *run, int argc, char **argv, GError **error);

gboolean vk_files_volumes(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_ls(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_cat(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_find(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_versions(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_diff(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_tar(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_copy(VkFilesRun *run, int argc, char **argv, GError **error);
gboolean vk_files_mount(VkFilesRun *run, int argc, char **argv, GError **error);

/* How a command is called. */
typedef struct VkFilesUsage {
	const char *words; /* its name and the words behind it: "ls SNAPSHOT:PATH" */
	const char *summary;
	guint words_min, words_max; /* behind the name */
} VkFilesUsage;

/*
 * Parses a command's options, ENTRIES (nullable, ended by a null entry) and the common ones, and
 * starts the program. Returns the words behind the command's name, borrowed from ARGV. Prints the
 * help for --help, or answers a shell that completes, and exits then. VK_ERROR_USAGE for an unknown
 * option, or another number of words.
 */
char **vk_files_parse(VkFilesRun *run, const VkFilesUsage *usage, const GOptionEntry *entries,
		      int argc, char **argv, GError **error);

/* --system, for the entries of commands that take a path. */
GOptionEntry vk_files_system_option(VkFilesRun *run);

/* The vault, opened by the first call that succeeds; none may follow one that failed. Borrowed. */
VkVault *vk_files_vault(VkFilesRun *run, GError **error);

/* What is done with each word of a command. */
typedef gboolean (*VkFilesVisit)(gpointer data, VkGuestFiles *files, const VkLocation *location,
				 GError **error);

/*
 * Visits LOCATIONS (VkLocation) in their order, but those of one snapshot together: each snapshot
 * is opened once.
 */
gboolean vk_files_visit(VkFilesRun *run, GPtrArray *locations, VkFilesVisit visit, gpointer data,
			GError **error);

/* Opens the snapshot that REFERENCE names. */
VkGuestFiles *vk_files_open_snapshot(VkFilesRun *run, const char *reference, GError **error);

/* Opens what TEXT names. Both results are to be cleared by the caller. */
gboolean vk_files_open(VkFilesRun *run, const char *text, VkLocation *ret_location,
		       VkGuestFiles **ret_files, GError **error);

/* The walk of a location with these flags (VkWalkFlags). Borrows from both. */
VkWalk vk_files_walk_of(const VkFilesRun *run, const VkLocation *location, guint flags);

/*
 * vk_guest_files_walk(), but VK_ERROR_PARTIAL and VK_ERROR_DAMAGE do not fail: the first one is
 * kept in *WORST, the caller's, for the end.
 */
gboolean vk_files_walk_on(VkGuestFiles *files, const VkWalk *walk, const VkWalkCalls *calls,
			  GError **worst, GError **error);
