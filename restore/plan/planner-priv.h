/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPlanner: a plan of a guest in the making, and the planners of its parts, in the order in which
 * they work. Strings and arrays are borrowed unless said otherwise. Threads: one at a time.
 */
#pragma once

#include "domain-rewrite.h"
#include "domain.h"
#include "facts.h"
#include "restore-options.h"
#include "plan-place.h"
#include "plan.h"

#include <glib.h>

/* The three makers of plans, one for each kind. */
VkRestorePlan *vk_planner_parts(const VkRestoreOptions *options, VkView *view, const VkFacts *facts,
				GError **error);
VkRestorePlan *vk_planner_guest(const VkRestoreOptions *options, VkView *view, const VkFacts *facts,
				GError **error);
VkRestorePlan *vk_planner_in_place(const VkRestoreOptions *options, VkView *view,
				   const VkFacts *facts, GError **error);

typedef struct VkPlanner {
	const VkRestoreOptions *options;
	const VkView *view;
	const VkSnapshot *snapshot;
	const VkFacts *facts;
	VkReplace replace;
	VkDomain *domain;        /* the saved definition */
	const VkDomain *written; /* what the rewritten definition is made of; borrowed */
	const VkDomain *present; /* in place: the guest as libvirt has it; borrowed, else NULL */
	VkRestorePlan *plan;
	gboolean is_offline;     /* libvirt cannot be asked */
	char *tpm_directory;     /* offline: in place of the host's */
	GPtrArray *words;        /* char*: what the changes borrow */
	VkDomainChanges changes; /* strings borrowed from the plan; the arrays are the planner's */
} VkPlanner;

gboolean vk_planner_init(VkPlanner *planner, VkRestoreKind kind, const VkRestoreOptions *options,
			 VkView *view, const VkFacts *facts, GError **error);
void vk_planner_clear(VkPlanner *planner);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkPlanner, vk_planner_clear)

/* Refuses a saved memory state of the restored guest's name, unless forced to drop it. */
gboolean vk_planner_check_managed_save(VkPlanner *planner, GError **error);

/* plan-offline.c: without libvirt, for REASON, all goes into the directory of --to. */
gboolean vk_planner_go_offline(VkPlanner *planner, const GError *reason, GError **error);
gboolean vk_planner_finish_offline(VkPlanner *planner, GError **error);

/* plan-disks.c: VK_ERROR_NOT_FOUND names the disks that there are. Borrowed. */
const VkDiskRecord *vk_planner_find_disk(const VkSnapshot *snapshot, const char *target,
					 GError **error);

/* An item for DISK, without a path yet. Borrowed from PLAN. */
VkRestoreItem *vk_planner_add_disk(VkRestorePlan *plan, const VkDiskRecord *disk,
				   const char *format);

/* The path that DISK had, as far as it is one on this host. New string. */
char *vk_planner_original_path(VkPlanner *planner, const VkDiskRecord *disk, GError **error);

/* Lets the definition name ITEM's place, whose path must be set. Refuses what it does not know. */
gboolean vk_planner_move_disk(VkPlanner *planner, const VkRestoreItem *item, GError **error);

/*
 * plan-crypt.c: has ITEM, whose place is set, encrypted with the secret of the definition that is
 * written, or says that it is plain text now. VK_ERROR_FAILED when neither can be.
 */
gboolean vk_planner_encrypt(VkPlanner *planner, VkRestoreItem *item, GError **error);

/*
 * plan-snapshots.c: in place, notes what becomes of snapshots that users have made of the guest,
 * whose disks must have been planned. VK_ERROR_EXISTS when there are any, unless forced.
 */
gboolean vk_planner_settle_snapshots(VkPlanner *planner, GError **error);

/* plan-firmware.c: NVRAM and TPM state. */
gboolean vk_planner_add_firmware(VkPlanner *planner, const char *given_nvram, GError **error);

/* What the definition has and the snapshot does not: ejected, dropped (with DROP), or noted. */
void vk_planner_settle_unsaved(VkPlanner *planner, gboolean drop);

/* plan-boot.c: what a guest is booted from without a loader. The disks' places must be set. */
gboolean vk_planner_add_boot(VkPlanner *planner, GError **error);

/* plan-needs.c: lets the definition name the networks of the options. */
void vk_planner_set_networks(VkPlanner *planner);

/* Notes what the host lacks; VK_ERROR_FAILED when the guest is to be started. */
gboolean vk_planner_check_needs(VkPlanner *planner, GError **error);

/* plan-finish.c: rewrites XML for the plan and hands the plan out. */
VkRestorePlan *vk_planner_finish(VkPlanner *planner, const char *xml, GError **error);

/*
 * plan-clone.c: lets the array give back the disks of a plan where it can. Backing files also
 * become items. VK_ERROR_FAILED when one has no place where it was.
 */
gboolean vk_planner_clone_disks(VkRestorePlan *plan, const VkFacts *facts, GError **error);

/*
 * plan-layout.c: lets the disks that had backing files use these again. VK_ERROR_CHANGED when one
 * has changed; VK_ERROR_FAILED when the image cannot have any, or a file must not be one, as a
 * guest's disk.
 */
gboolean vk_planner_keep_chains(VkRestorePlan *plan, const VkFacts *facts, GError **error);

/* Notes the properties of the originals' layouts that are not restored. */
void vk_planner_note_layouts(VkRestorePlan *plan);

/*
 * plan-trust.c: what a snapshot may say. VK_ERROR_DAMAGE when DOMAIN, SNAPSHOT's definition, is
 * another guest's.
 */
gboolean vk_planner_check_identity(const VkSnapshot *snapshot, const VkDomain *domain,
				   GError **error);

/* VK_ERROR_FAILED when PATH, which the snapshot names, is one of the host's own. */
gboolean vk_planner_check_place(const char *path, const char *target, GError **error);

/* VK_ERROR_DAMAGE when FILE cannot be firmware state. */
gboolean vk_planner_check_firmware(const VkFileRecord *file, GError **error);

/*
 * The disks of PRESENT, a guest as libvirt has it, whose image is the file PATH: VkDomainDisk,
 * owned by PRESENT. New array.
 */
GPtrArray *vk_planner_disks_of(const VkFacts *facts, const VkDomain *present, const char *path);

/* VK_ERROR_FAILED when ITEM would destroy something of DISK's image that is not the disk. */
gboolean vk_planner_check_understood(const VkDomainDisk *disk, const VkRestoreItem *item,
				     GError **error);

/* Whether the file PATH lies in DIRECTORY, which exists, and in no directory below it. */
gboolean vk_planner_lies_in(const char *path, const char *directory);
