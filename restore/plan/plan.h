/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkRestorePlan: what the restore of one snapshot will do. It is made before anything is touched,
 * and can be printed; applying it takes no further decision. Threads: one at a time.
 */
#pragma once

#include "missing.h"
#include "qemu-secret.h"
#include "sink.h"
#include "view.h"

#include <glib.h>
#include <jansson.h>

typedef enum {
	VK_RESTORE_PARTS,    /* disks and files, no guest */
	VK_RESTORE_GUEST,    /* a guest that libvirt does not have */
	VK_RESTORE_IN_PLACE, /* an existing guest's disks and definition */
} VkRestoreKind;

/* How an array gives a file back by itself. */
typedef struct VkRestoreClone {
	const json_t *copy; /* the array's, borrowed from the view */
	guint layer;        /* of COPY */
	char *format;       /* of the layer */
	char *backing;      /* the clone's header is to name it; NULL: what it names is right */
	char *backing_format;
	guint kept_from, kept_to; /* the layers in [from, to) are used as they lie, unchanged */
} VkRestoreClone;

/* One disk or file to be written. */
typedef struct VkRestoreItem {
	char *name; /* a disk's target, or a file's name in the view */
	gboolean is_disk;
	char *path;                  /* as asked for and as definitions name it; NULL: stdout */
	VkPlace place;               /* its path has no symbolic links where the file exists */
	gboolean exists;             /* something is there and will be replaced or overwritten */
	const VkImageRecord *record; /* NULL: TEXT, or just the clone. Borrowed from the view */
	GArray *backing;             /* VkQemuLayer: what it is to stand on; NULL: nothing */
	const json_t *layout;  /* how the original was made; nullable. Borrowed from the view */
	const char *text;      /* borrowed from the view, or from the plan */
	VkQemuSecret *secret;  /* the place is encrypted with it; NULL: it is not */
	VkRestoreClone *clone; /* NULL: the bytes are read and written */
	VkMissing
		*missing;  /* takes what is damaged in the record, as it is found; NULL: an error */
	gboolean has_list; /* of what it lacks, by an earlier restore: it is replaced or goes */
	gboolean list_exists;  /* a file has the list's name, which it gives to a list */
	char *why_copied;      /* why a disk that an array has is not cloned; nullable */
	char *owner_directory; /* nullable: made with its parent if missing, owned by the item's
				  owner */
} VkRestoreItem;

typedef struct VkRestorePlan {
	VkRestoreKind kind;
	VkView *view;     /* borrowed */
	char *reference;  /* "GUEST@TIME" */
	char *guest;      /* its name after the restore */
	char *uuid;       /* after the restore */
	GPtrArray *items; /* VkRestoreItem */
	char *domain_xml; /* to be defined; NULL: nothing is, or what is stays */
	char *definition; /* written to a file instead; NULL: it is not */
	char *command;    /* left to the user; NULL: none */
	gboolean autostart;
	gboolean start;       /* asked for; a guest that ran is started anyhow */
	gboolean was_running; /* in place: it must be shut down */
	gboolean force;
	char *back_to;       /* in place: the TIME that the guest goes back to; else NULL */
	gboolean only_disks; /* in place: some disks, and nothing else of the guest */
	char *old_mark;      /* what is replaced stays beside it with this at its name; nullable */
	gboolean forget_snapshots; /* libvirt's entries of the guest's own snapshots go */
	char *managed_save;        /* a saved memory state to be dropped; NULL: none */
	GPtrArray *notes;          /* char*: what the user should know */
	guint64 writes;            /* bytes into files, at most, as far as room was looked for */
	GPtrArray *room;           /* char*: that in words, for each file system */
} VkRestorePlan;

void vk_restore_plan_free(VkRestorePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkRestorePlan, vk_restore_plan_free)

/* For the planners: an empty plan, an item added to it, a note added to it. */
VkRestorePlan *vk_restore_plan_new(VkRestoreKind kind, const VkSnapshot *snapshot);
VkRestoreItem *vk_restore_plan_add_item(VkRestorePlan *plan, const char *name, gboolean is_disk,
					guint64 size);
void vk_restore_plan_note(VkRestorePlan *plan, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* VK_ERROR_USAGE when two items of PLANS (VkRestorePlan*) have the same path. */
gboolean vk_restore_plan_check_distinct(const GPtrArray *plans, GError **error);

/* VK_ERROR_USAGE when PLAN would write into DIRECTORY, the vault's; NULL is none. */
gboolean vk_restore_plan_check_outside(const VkRestorePlan *plan, const char *directory,
				       GError **error);

/* The path of the list of what is missing in ITEM; NULL: it is no file. New string. */
char *vk_restore_plan_list_path(const VkRestoreItem *item);

/* Where what ITEM replaces will stay; NULL: nowhere. New string. */
char *vk_restore_plan_kept_path(const VkRestorePlan *plan, const VkRestoreItem *item);
