/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of reading a domain XML.
 */
#pragma once

#include "domain-disk.h"
#include "xml-priv.h"

#include <glib.h>

/* The disk of NODE, a <disk>. Its target is NULL when the definition has none. */
VkDomainDisk *vk_domain_disk_parse(const xmlNode *node);
void vk_domain_disk_free(VkDomainDisk *disk);

/* The image of SOURCE, a <source>; NULL when that names none, as in a drive without medium. */
VkDomainImage *vk_image_parse(const xmlNode *source, const char *type);

/* Takes in NODE, an <encryption> of the image; may be NULL. */
void vk_image_parse_encryption(VkDomainImage *image, const xmlNode *node);

/* Adds what DEVICES passes through to FOUND (char*): "pci 0000:01:00.0". */
void vk_passthrough_find(const xmlNode *devices, GPtrArray *found);

/* "pci 0000:01:00.0" and the like of a <hostdev>. New string. */
char *vk_hostdev_label(const xmlNode *node);

/* "0000:01:00.0" of an <address>. New string. */
char *vk_pci_address(const xmlNode *address);

/*
 * Adds arguments of <qemu:commandline> to FOUND (char*), as in "-drive file=x": those that attach
 * disks, or all that reach out of QEMU, so that only one guest can have them.
 */
void vk_commandline_find_disks(const xmlNode *root, GPtrArray *found);
void vk_commandline_find_shared(const xmlNode *root, GPtrArray *found);

/* Removes <qemu:commandline>. */
void vk_commandline_drop(xmlNode *root);
