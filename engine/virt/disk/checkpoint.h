/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints: the dirty bitmaps that record what a guest wrote since a snapshot. A guest has one
 * for each vault, named "virtkeep-<vault id 8>-<random 8>". A name is never used twice, and a
 * checkpoint with another name is never touched. A checkpoint is libvirt's object and, in each
 * qcow2 image, a bitmap of the same name. Either may be lost without the other. Before every use
 * QEMU is asked, disk by disk, which bitmaps are whole. The guest may run or be off. Threads: free.
 */
#pragma once

#include "domain.h"
#include "host.h"

#include <glib.h>

/* A fresh name for the vault of VAULT_ID (32 hex digits). New string. */
char *vk_checkpoint_name_new(const char *vault_id);

/* Whether virtkeep has given the name NAME; with VAULT_ID (nullable), for that vault. */
gboolean vk_checkpoint_is_ours(const char *name, const char *vault_id);

/* The first 8 digits of the id of the vault that NAME, a name by virtkeep, is for. New string. */
char *vk_checkpoint_vault_id8(const char *name);

/* One disk and what its image allows. */
typedef struct VkTracking {
	char *target;
	gboolean can_track; /* a bitmap can be made: qcow2 version 3 */
	gboolean usable;    /* the bitmap has all changes since its checkpoint */
	char *reason;       /* why not usable (or why it cannot be tracked), in words; else NULL */
} VkTracking;

/*
 * Examines the disks TARGETS (char*) of a guest and makes the checkpoint NAME usable where it can
 * be: libvirt's object is defined anew from XML, the one stored with the snapshot, with just the
 * disks whose bitmap is whole. NAME and XML are NULL when there is no earlier checkpoint. FACTS are
 * the guest's present ones. A problem of a disk is its reason, not a failure. Returns VkTracking*
 * in the order of TARGETS, owned by the array. The caller holds the guest's lock.
 */
GPtrArray *vk_checkpoint_examine(VkGuest *guest, const VkGuestFacts *facts, const VkDomain *domain,
				 const GPtrArray *targets, const char *name, const char *xml,
				 GError **error);

/*
 * How many bytes of the disk TARGET of a running guest were written since its checkpoint NAME, in
 * units of the bitmap. The checkpoint was found usable by vk_checkpoint_examine().
 */
gboolean vk_checkpoint_changed(VkGuest *guest, const char *name, const char *target, guint64 *ret,
			       GError **error);

/*
 * Shut-off guests: begins a bitmap NAME in the images of TARGETS and defines its checkpoint;
 * *RET_XML redefines it. Nothing is left of it after a failure. VK_ERROR_CHANGED when the guest was
 * started meanwhile. (The backup job of a running guest makes its checkpoint.)
 */
gboolean vk_checkpoint_create_offline(VkGuest *guest, const VkDomain *domain,
				      const GPtrArray *targets, const char *name, char **ret_xml,
				      GError **error);

/*
 * Removes every checkpoint of the vault VAULT_ID from the guest but KEEP (nullable), with its
 * bitmaps, of libvirt and of the images, whether or not the two agree. What cannot be removed now
 * (a bitmap of an image that is in use, unknown to libvirt) stays for a later call: *RET_LEFT
 * (nullable) is the number of these bitmaps. When an image cannot be examined, it does the rest and
 * fails.
 */
gboolean vk_checkpoint_drop_others(VkGuest *guest, const char *vault_id, const char *keep,
				   guint *ret_left, GError **error);

/* One of virtkeep's bitmaps or checkpoints in a guest, of any vault; for doctor. */
typedef struct VkCheckpointFact {
	char *name;
	char *vault_id8;
	char *target;        /* NULL: the checkpoint as a whole */
	gboolean in_libvirt; /* libvirt knows the checkpoint (with that disk) */
	gboolean in_image;   /* the image has the bitmap, as far as can be known */
	gboolean broken;     /* inconsistent: QEMU did not end cleanly */
} VkCheckpointFact;

/* VkCheckpointFact*, owned by the array. */
GPtrArray *vk_checkpoint_list(VkGuest *guest, GError **error);
void vk_checkpoint_fact_free(VkCheckpointFact *fact);
