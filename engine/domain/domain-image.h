/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkDomainImage: one image of a disk, or of its backing chain, as a domain XML has it.
 * Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkDomainImage {
	char *type;      /* "file", "block", "volume", "network", "dir", "nvme", "vhostuser" */
	char *format;    /* "raw", "qcow2", ...; NULL when the XML does not say */
	char *path;      /* file, block: the path; others: NULL */
	char *data_file; /* where a qcow2 image is declared to keep its data; NULL: in itself */
	char *pool, *volume;
	char *protocol, *name, *host; /* network; host is "name:port" of the first, or NULL */
	char *passed;                 /* dir, nvme, vhostuser: what is passed through, in words */
	gboolean encrypted; /* QEMU decrypts it: the guest sees other bytes than the image has */
	char *secret_uuid, *secret_usage; /* of LUKS encryption by QEMU: one of them; else NULL */
	gboolean sliced;                  /* the guest sees a part of the image only */
} VkDomainImage;

void vk_domain_image_free(VkDomainImage *image); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkDomainImage, vk_domain_image_free)

/* The image in words for people: path, "pool/volume" or "rbd:pool/image". New string. */
char *vk_domain_image_label(const VkDomainImage *image);

/*
 * Whether the image is encrypted in a way that QEMU's tools know, with a secret that libvirt may
 * have. The second function is the secret's uuid or usage, borrowed; NULL if there is none.
 */
gboolean vk_domain_image_has_secret(const VkDomainImage *image);
const char *vk_domain_image_secret(const VkDomainImage *image);

/*
 * NULL when QEMU's tools can read the image by its file, else in words what it is. They do not
 * reach network storage. Without a secret they would read the ciphertext of an encrypted image.
 * Instead of a slice they would read the whole image. Static string.
 */
const char *vk_domain_image_obstacle(const VkDomainImage *image);
