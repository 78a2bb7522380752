/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bed for files of a running guest, whose part a directory and the shell of this host play. Its
 * file offers the calls of inside.h that a writer needs. Threads: one at a time.
 */
#pragma once

#include "guest-writer.h"

#include <glib.h>
#include <sys/stat.h>

#define BED_TIME 1000000000 /* of each entry */

extern char *bed_directory, *bed_outside; /* that is written to, and one beside it */
extern VkGuestWriter *bed_writer;
extern VkWalkCalls bed_calls;
extern const char *bed_spoilt, *bed_instead; /* a text in the scripts, and what stands there */
extern guint bed_runs;                       /* of scripts */

/* The fixture. */
void bed_set_up(void);
void bed_tear_down(void);

/* What a walk does; the entries are below "top". */
void bed_begin(gboolean overwrite);
gboolean bed_give(const char *path, guint32 mode, guint64 size, const char *target, GError **error);
void bed_entry(const char *path, guint32 mode, guint64 size);
void bed_bytes(guint64 offset, const char *text);
const VkCopyCount *bed_end(void);

/* What is at PATH below the directory; bed_place() is a new string. */
char *bed_place(const char *path);
void bed_check_content(const char *path, const char *expected, gsize expected_length);
struct stat bed_look(const char *path);

/* How many entries the directory at PATH of this host has. */
guint bed_entries_of(const char *path);
