/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a vault was last checked, and the result: small objects below checks/. It does no harm to
 * lose them. Also how large the vault is. Threads: free.
 */
#pragma once

#include "vault-check.h"

#include <glib.h>

typedef struct VkCheckRecord {
	gint64 time;   /* seconds since 1970; 0: there was no check */
	gboolean data; /* every stored block was read as well */
	guint64 errors;
} VkCheckRecord;

/* Records RESULT as of now. Fails if the vault cannot be written. */
gboolean vk_check_record_put(VkVault *vault, const VkCheckResult *result, gboolean data,
			     GError **error);

/* The last check, and the last one WITH_DATA. */
gboolean vk_check_record_last(VkVault *vault, gboolean with_data, VkCheckRecord *ret,
			      GError **error);

typedef struct VkVaultUsage {
	guint64 packs, bytes; /* what is stored */
	gboolean has_room;    /* the following is known */
	guint64 free, total;  /* of the file system, in bytes */
} VkVaultUsage;

gboolean vk_vault_usage(VkVault *vault, VkVaultUsage *ret, GError **error);
