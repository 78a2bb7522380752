/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the catalogue's cache share: a vault with snapshots of two guests, and programs
 * that look at it with a cache and without. Failures end the test.
 */
#pragma once

#include "catalog.h"
#include "vault-dir.h"

#include <check.h>
#include <glib.h>

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000002"
#define DAYS   3

/* Of one test. */
extern VaultDir dir;
extern char *cache_directory, *cache_file;
extern VkSnapshotKey keys[2 * DAYS]; /* of A, then of B, the oldest first */
extern guint reads;                  /* of snapshot objects, by the last look() */

void setup(void);
void teardown(void);

/* Of the vault. New string. */
char *path_of(const char *name);

/* What has just changed is not cached, so that tests make everything look old. */
void age(const char *name);
void age_folders(void);

/* Puts a snapshot, of which *KEY then tells. */
void put(VkSnapshotKey *key, const char *uuid, const char *name, const char *time);
void clear_key(VkSnapshotKey *key);

/* What a program sees that uses the cache, and one that does not. New string. */
char *look(void);
char *look_uncached(void);

/* Both see the same. */
void expect_right(void);

/* And from now on nothing has to be read. */
void warm_up(void);

/* Runs the tests that ADD adds; the exit status. */
int run_cache_tests(const char *name, void (*add)(TCase *tcase));
