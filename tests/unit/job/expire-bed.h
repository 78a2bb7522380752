/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the retention on arrays share: a vault, and snapshots whose copies are clones
 * on an array. The clones are plain files here. Failures end the test.
 */
#pragma once

#include "array.h"
#include "catalog.h"
#include "settings.h"
#include "snapshot.h"
#include "vault.h"

#include <check.h>
#include <glib.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define CONFIG      \
	"[array]\n" \
	"NTAP_SNAPSHOT_RETENTIONS = daily:2\n"

/* Of one test. */
extern char *directory;
extern VkVault *vault;
extern VkSettings *settings;
extern VkArrays *arrays;

void expire_setup(void);
void expire_teardown(void);

/* The directory of the snapshot number NUMBER's clone of vda, or vdb. New string. */
char *clone_directory(guint number, const char *target);
gboolean has_clone(guint number, const char *target);

/* Lists a snapshot of two disks, taken FROM_NOW seconds from now. */
void list_snapshot(guint number, gint64 from_now);
guint count_listed(void);
VkSnapshot *load_oldest(void);

/* Of the oldest, forgotten or not. New. */
VkSnapshotKey *oldest_key(void);

/* Copies the oldest one into the vault. */
void copy_oldest(void);

gboolean expire(void);
