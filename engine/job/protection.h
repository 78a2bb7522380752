/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkProtection: what a vault has of a guest, and how old the last of it is. Threads: one at a time.
 */
#pragma once

#include "snapshot.h"
#include "vault.h"

#include <glib.h>

typedef struct VkProtection {
	guint snapshots;  /* that are listed */
	guint damaged;    /* newer ones than the last that can be used */
	VkSnapshot *last; /* the newest that can be used; NULL: none */
	gint64 age_sec;   /* of that; below 0 when it is dated in the future */
} VkProtection;

/* Of the guest UUID. Unreadable snapshots are counted; they are not a failure. */
VkProtection *vk_protection_load(VkVault *vault, const char *uuid, GError **error);
void vk_protection_free(VkProtection *protection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkProtection, vk_protection_free)
