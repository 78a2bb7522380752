/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of sources share: a directory with image files, and what a source says of them.
 * Failures end the test.
 */
#pragma once

#include "source.h"

#include <check.h>
#include <glib.h>

#define MIB  (1024 * 1024)
#define SIZE (8 * MIB)

/* Of one test. */
extern char *directory;
extern GError *last_error;

/* OK is what was expected, or else the last error is shown. */
void expect_ok(gboolean ok);

/* Not OK, by an error of CODE, which is cleared. */
void expect_fail(gboolean ok, int code);

/* Of a file in the directory. New string. */
char *path_of(const char *name);

/* Writes LENGTH times BYTE at OFFSET. */
void put(const char *path, guint64 offset, int byte, gsize length);
void resize(const char *path, guint64 size);

/* Runs a program. */
void run(const char *const *argv);

/*
 * A qcow2 image with a MiB of data at 1 MiB and zeros behind it, as a restore and its guest write.
 */
void make_qcow2(const char *path);

/* The source of an image file of a guest that is off. BITMAP: nullable. */
VkSource *open_changes(const char *path, const char *format, const char *bitmap);

guint8 byte_at(VkSourceReader *reader, guint64 offset);

/* The reader's map of the range is TEXT: "data 1,hole 7," in MiB. */
void expect_map(VkSourceReader *reader, guint64 offset, guint64 length, const char *text);

/* Runs the tests that ADD adds; the exit status. */
int run_source_tests(const char *name, void (*add)(TCase *tests));
