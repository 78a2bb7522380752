/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to be true of a vault's snapshots, whatever failed: which are listed, and what each that
 * exists holds. While something is done to one, both may be. A ledger is plain memory, so that a
 * copy says what was true at a moment. Whoever acts on the vault through these calls notes there
 * what the call promises. Threads: free, but for the checks.
 */
#pragma once

#include "session.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

#define LEDGER_ENTRIES_MAX 40
#define LEDGER_BLOCKS_MAX  20

typedef struct LedgerEntry {
	char id[VK_SNAPSHOT_ID_LENGTH + 1];
	char content[LEDGER_BLOCKS_MAX + 1]; /* of its disk: see mem_source_of_blocks() */
	gboolean may_be_listed;
	gboolean may_be_hidden; /* forgotten, or not there */
	char uuid[40];          /* of its guest, and ... */
	char time[20];
	guint64 number; /* ... in its chain, once it is committed; 0 before */
	char sha256[65];
} LedgerEntry;

/* In the order of saving. */
typedef struct Ledger {
	LedgerEntry entries[LEDGER_ENTRIES_MAX];
	guint count;
} Ledger;

/* As it is at the moment, while others note. */
void ledger_copy(const Ledger *ledger, Ledger *ret);

/*
 * Saves a disk of CONTENT upon the newest snapshot of GUEST, a digit. Returns the snapshot to be
 * committed; NULL: it failed.
 */
VkSnapshot *ledger_save(Ledger *ledger, VkVault *vault, VkSession *session, char guest,
			const char *content);

/* It may fail: then the snapshot may be listed or not. Takes SNAPSHOT over. */
gboolean ledger_commit(Ledger *ledger, VkSession *session, VkSnapshot *snapshot);

/* Saves and commits in a session of its own. Must succeed. */
void ledger_back_up(Ledger *ledger, VkVault *vault, char guest, const char *content);

/* Forgets the snapshot of entry number INDEX, and lists it again. They may fail. */
gboolean ledger_forget(Ledger *ledger, VkVault *vault, guint index);
gboolean ledger_unforget(Ledger *ledger, VkVault *vault, guint index);

/*
 * Lets it expire, as if it had been on arrays alone when somebody looked. The vault has it, so it
 * is listed in the end. Processes that died before are cleared away first.
 */
gboolean ledger_expire(Ledger *ledger, VkVault *vault, guint index);

/*
 * As a new process finds the vault, it lists what it has to, each snapshot that exists reads as it
 * was saved, forgotten or not, and a check of all data finds nothing. Nor does a host that has seen
 * all that was ever committed say that something is held back: by its memory "seen.sqlite", which
 * is put beside the objects.
 */
void ledger_check(const Ledger *ledger, const char *directory);

/* Of what may be so or so, what is found holds from now on. */
void ledger_settle(Ledger *ledger, const char *directory);
