/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bed for what writes a walk's entries below a directory. Threads: one at a time. */
#pragma once

#include "guest-files.h"

#include <glib.h>
#include <sys/stat.h>

#define BED_TIME 1000000000 /* of each entry */

extern char *bed_directory, *bed_outside; /* that is written to, and one beside it */
extern VkWalkCalls bed_calls;             /* of the writer */

/* A part of the fixture. */
void bed_make_directories(void);
void bed_remove_directories(void);

/* What a walk does. */
gboolean bed_give(const char *path, guint32 mode, guint64 size, const char *target, GError **error);
void bed_entry(const char *path, guint32 mode, guint64 size);
void bed_bytes(guint64 offset, const char *text);

/* What is at PATH below the directory; bed_place() is a new string. */
char *bed_place(const char *path);
void bed_check_content(const char *path, const char *expected, gsize expected_length);
struct stat bed_look(const char *path);

/* How many entries the directory at PATH of this host has. */
guint bed_entries_of(const char *path);
