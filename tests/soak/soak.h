/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the program of the soak does: it backs up made-up guests, and compares what a vault gives
 * back with the ledger. The ledger is a directory with a folder for each guest. There, before a
 * snapshot is committed, ID.TARGET says what each of its disks holds; ID.done is there once its
 * commit was reported. The case adds ID.forgot before it forgets a snapshot, ID.pinned after it has
 * pinned one, and "policy" before it applies the policy to a guest. Beside these folders, "memory"
 * is what all hosts together have seen of the vault.
 */
#pragma once

#include "content.h"
#include "vault.h"

#include <glib.h>

typedef struct Soak {
	const char *vault;  /* directory */
	const char *ledger; /* directory */
	GRand *random;
} Soak;

/* Opens the vault. If anybody warns then that it holds something back, the program fails. */
VkVault *soak_open(const Soak *soak, VkVaultMode mode, GError **error);

/* The path of a file of the ledger. New string. */
char *soak_ledger_path(const Soak *soak, const char *guest, const char *id, const char *suffix);

/*
 * One or a few backups of the guest, in one session. VK_ERROR_BUSY when a collector took it for
 * dead, or its parent was forgotten at the moment.
 */
gboolean soak_write(const Soak *soak, const char *guest, GError **error);

/* Every snapshot that is listed in the vault, stored once more in the new vault TARGET. */
gboolean soak_copy(const Soak *soak, const char *target, GError **error);

/*
 * Every snapshot that exists, listed or not, reads back as the ledger says, and everything is
 * listed that has to be. The policy keeps KEPT.
 */
gboolean soak_check(const Soak *soak, guint kept, GError **error);

/*
 * Prints how many bytes of the packs are dead: nothing refers to them. After a collection no pack
 * is dead, and none is more than half dead: that fails.
 */
gboolean soak_dead(const Soak *soak, GError **error);

/* Whether the file PATH holds what the ledger says of the guest's snapshot. */
gboolean soak_compare(const Soak *soak, const char *path, const char *guest, const char *id,
		      const char *target, GError **error);

/*
 * Reads some disks of snapshots in the mount, with pauses. VK_ERROR_CHANGED when the mount went
 * away.
 */
gboolean soak_read(const Soak *soak, const char *mount, GError **error);
