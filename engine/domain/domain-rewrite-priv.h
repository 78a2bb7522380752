/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of rewriting a domain XML, on one tree: for this folder only.
 */
#pragma once

#include "domain.h"
#include "xml-priv.h"

#include <glib.h>

/* A rewriting under way. */
typedef struct VkRewrite {
	const VkDomainChanges *changes;
	xmlNode *root;
	xmlNode *devices;                /* NULL when the domain has none */
	const char *old_name, *old_uuid; /* borrowed from the caller */
	gboolean is_clone;               /* it gets another uuid */
	gboolean is_renamed;
} VkRewrite;

/* Adds what became of a part to the notes of the changes, where these have any. */
void vk_rewrite_note(const VkRewrite *rewrite, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Moves, ejects and drops disks as the changes say. */
gboolean vk_rewrite_disks(const VkRewrite *rewrite, GError **error);

/*
 * What of a disk's definition is not known here, and so may mean that the image is not what it seems:
 * "<x> in its <source>", or NULL. New string.
 */
char *vk_disk_unknown_part(const xmlNode *disk);

/* Connects interfaces to other networks, or takes them, as the changes say. */
gboolean vk_rewrite_networks(const VkRewrite *rewrite, GError **error);

/* Gives a clone devices of its own, or drops them and says so. */
void vk_rewrite_separate(const VkRewrite *rewrite);

/* Adds the disks of <qemu:commandline> to FOUND: "-drive file=x". */
void vk_commandline_find_disks(const xmlNode *root, GPtrArray *found);

/* Takes <qemu:commandline> from a clone when something in it is shared with the original. */
void vk_rewrite_commandline(const VkRewrite *rewrite);

/* The image of SOURCE, a <source>; NULL when that names none, as in a drive without medium. */
VkDomainImage *vk_image_parse(const xmlNode *source, const char *type);

/* Takes in NODE, an <encryption> of the image; may be NULL. */
void vk_image_parse_encryption(VkDomainImage *image, const xmlNode *node);

/* "pci 0000:01:00.0" and the like of a <hostdev>. New string. */
char *vk_hostdev_label(const xmlNode *node);
char *vk_pci_address(const xmlNode *address);
