/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkVault: an open vault. It owns the store, the features of vault.json, and the caches that all
 * readers share. The format on disk is in format.h. Threads: free, but for init, open and free.
 */
#pragma once

#include "copy-reader.h"
#include "keyring.h"
#include "log.h"
#include "secret.h"

#include <glib.h>

typedef struct VkVault VkVault;

typedef enum {
	VK_VAULT_READ,
	VK_VAULT_WRITE,   /* also refuses a vault with ro_compat features that are unknown */
	VK_VAULT_OUTSIDE, /* asks for no secret: of an encrypted vault nothing can be opened */
} VkVaultMode;

/*
 * Where the vault is that a URL names: the absolute path of a directory for "dir:/path" or a path,
 * or "s3:https://ENDPOINT/BUCKET[/PREFIX]". New string. VK_ERROR_USAGE for what could be something
 * else, like "host:/path".
 */
char *vk_vault_url_place(const char *url, GError **error);

/* Whether a vault lies at such a place, readable or not. */
gboolean vk_vault_is_there(const char *place);

/*
 * Makes a new vault in an empty or not yet existing directory, or in a bucket below an unused
 * prefix. VK_ERROR_EXISTS when a vault is there already, or something else.
 */
VkVault *vk_vault_init(const char *url, GError **error);

/* A key that is added to an encrypted vault. */
typedef struct VkNewKey {
	const VkSecret *secret;
	const char *label;
} VkNewKey;

/* What a vault is from the beginning. */
typedef struct VkNewVault {
	const VkNewKey *key; /* of role full; NULL: it is not encrypted */
	gboolean parity;     /* its packs have parity, so that what is damaged can be read */
} VkNewVault;

/* The same for a vault that is made as HOW says. */
VkVault *vk_vault_init_as(const char *url, const VkNewVault *how, GError **error);

/* Who knows the secret of an encrypted vault. */
typedef struct VkUnlock {
	/* The secret for the vault at URL. New; NULL: there is none, and ERROR says why. */
	VkSecret *(*ask)(gconstpointer user, const char *url, GError **error);
	gconstpointer user;
} VkUnlock;

/*
 * Opens a vault that is not encrypted. VK_ERROR_NOT_FOUND when there is none, VK_ERROR_DAMAGE when
 * vault.json is damaged, VK_ERROR_FAILED for one that needs a newer version of virtkeep.
 */
VkVault *vk_vault_open(const char *url, VkVaultMode mode, GError **error);

/*
 * The same for one that may be encrypted: UNLOCK (nullable) is asked for its secret then.
 * VK_ERROR_DENIED when the secret opens no key slot, and in mode VK_VAULT_WRITE for a key of role
 * restore.
 */
VkVault *vk_vault_open_locked(const char *url, VkVaultMode mode, const VkUnlock *unlock,
			      GError **error);

/*
 * VK_ERROR_DENIED when the key in use opens no blocks at all. One of role backup may still meet
 * some that it does not open.
 */
gboolean vk_vault_may_read_blocks(const VkVault *vault, GError **error);

/* The keys of an encrypted vault, borrowed; NULL: it is not encrypted, or open from outside. */
const VkKeyring *vk_vault_keyring(const VkVault *vault);

gboolean vk_vault_is_encrypted(const VkVault *vault);

/*
 * Makes a vault of an earlier version one that a collector may work on: vault.json, the one object
 * that is ever replaced, gets the ro_compat feature "collection", so that versions which know no
 * collector read the vault, but do not write into it. New vaults have it. The replacement is
 * durable, and whole or not there. *RET_DONE says whether this call did it, and not an earlier one.
 * VAULT is open for writing. Does not keep writers of an earlier version away that are at work
 * already.
 */
gboolean vk_vault_take_over(VkVault *vault, gboolean *ret_done, GError **error);

/*
 * From now on WARN reports what is not an error: clocks that were wrong, packs that needed their
 * parity.
 */
void vk_vault_set_warn(VkVault *vault, VkWarn warn);
void vk_vault_free(VkVault *vault);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkVault, vk_vault_free)

const char *vk_vault_id(const VkVault *vault);  /* 32 hex digits; borrowed */
const char *vk_vault_url(const VkVault *vault); /* normalised; borrowed */

const char *vk_vault_place(const VkVault *vault); /* as of vk_vault_url_place(); borrowed */

/* The absolute directory of a "dir:" vault, NULL for others. Borrowed. */
const char *vk_vault_directory(const VkVault *vault);

/* READER is copied; without one, copies on arrays cannot be read. Call before reading. */
void vk_vault_set_copy_reader(VkVault *vault, const VkCopyReader *reader);

/*
 * Remembers in a file in DIRECTORY what the catalogue's objects say, for lists. Without it each
 * list reads them again. Call before reading. The file of an encrypted vault is sealed with a key
 * of that vault.
 */
void vk_vault_set_cache_directory(VkVault *vault, const char *directory);

/*
 * Keeps what is read of a bucket on this host, in files in DIRECTORY of about SIZE bytes, as it is
 * in the bucket: hints, and with PACKS packs as well. That is for who reads listed snapshots and
 * does nothing else, because a pack that is kept may not be in the bucket any more. Without a
 * DIRECTORY it is in memory alone. A vault in a directory keeps nothing. Call before reading, once.
 */
void vk_vault_keep_reads(VkVault *vault, const char *directory, guint64 size, gboolean packs);

/*
 * Remembers in the file PATH which snapshots this host has seen last, so that it notices when they
 * are held back. Call before reading.
 */
void vk_vault_set_memory(VkVault *vault, const char *path);

/* Limits the shared cache of decoded blocks (default 64 MiB). Call before reading. */
void vk_vault_set_cache_size(VkVault *vault, gsize bytes);
