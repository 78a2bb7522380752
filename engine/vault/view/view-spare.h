/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images of a snapshot in other vaults, where a replication has put it. Threads: free. */
#pragma once

#include "image.h"
#include "snapshot.h"
#include "vault.h"

#include <glib.h>

/* Vaults that may have a snapshot as well. */
typedef struct VkOtherVaults {
	/* Number I of them, borrowed; NULL: it cannot be opened. Threads: any, one at a time. */
	VkVault *(*get)(gpointer user, guint i);
	guint count;
	gpointer user;
} VkOtherVaults;

/*
 * IMAGE, of RECORD in SNAPSHOT, with the same in the first of OTHERS that lists the snapshot: it is
 * read where IMAGE is damaged, which a warning says. URL is that of the damaged vault. Takes IMAGE
 * over; all else is borrowed until the image is freed.
 */
VkImage *vk_view_add_spare(VkImage *image, const VkSnapshot *snapshot, const VkImageRecord *record,
			   const char *url, const VkOtherVaults *others);
