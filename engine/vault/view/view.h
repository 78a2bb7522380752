/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkView: a snapshot as files: domain.xml, live.xml (of a running guest), snapshot.json,
 * <target>.raw for each disk, and its other files (nvram.fd, ...). The mount shows them, restore
 * takes them by name. Immutable, with one exception: snapshot.json is made when the files are first
 * looked at, and arrays are asked for it then. Threads: free.
 */
#pragma once

#include "image.h"
#include "snapshot.h"
#include "vault.h"
#include "view-spare.h"

#include <glib.h>

/* The file with the definition of the guest. */
#define VK_VIEW_DEFINITION "domain.xml"

typedef struct VkViewFile {
	char *name;
	guint64 size;                /* bytes */
	guint64 allocated;           /* bytes */
	const VkImageRecord *record; /* NULL: the content is in TEXT */
	char *text;
	const VkDiskRecord *disk; /* whose image it is; NULL: no disk's */
	gboolean may_change;      /* another view of the same snapshot may say something else */
} VkViewFile;

typedef struct VkView VkView;

/* Takes SNAPSHOT over. */
VkView *vk_view_new(VkVault *vault, VkSnapshot *snapshot);
void vk_view_free(VkView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkView, vk_view_free)

/*
 * From now on images are read from OTHERS where this vault is damaged. Borrowed until the view and
 * its images are freed. Call before reading.
 */
void vk_view_set_others(VkView *view, const VkOtherVaults *others);

const VkSnapshot *vk_view_snapshot(const VkView *view);

/*
 * Keeps what the images of the view refer to in the vault, as long as the view is held; holds nest.
 * VK_ERROR_NOT_FOUND when the snapshot was forgotten or removed, unless it is held already.
 */
gboolean vk_view_hold(VkView *view, GError **error);
void vk_view_release(VkView *view);

/* The files, in the order of the directory. Borrowed; VkViewFile*. */
const GPtrArray *vk_view_files(VkView *view);

/* The file of that name, or NULL. Borrowed. */
const VkViewFile *vk_view_find(VkView *view, const char *name);

/*
 * Opens an image of the view's snapshot by its record. It reads the copy on an array as long as the
 * array has it, then the copy in the vault, even one that is newer than the view, and last a
 * replica on another array. The view must outlive the image.
 */
VkImage *vk_view_open_image(VkView *view, const VkImageRecord *record, GError **error);
