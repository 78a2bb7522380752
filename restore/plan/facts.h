/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkWorld: what a plan must know of the host and of its arrays, through a table of calls, so that
 * plans can be made without either. The real world connects to libvirt when it is first asked:
 * parts of a snapshot are restored without it.
 */
#pragma once

#include "array.h"
#include "domain.h"
#include "host.h"
#include "needs.h"
#include "qemu-secret.h"
#include "user-snapshots.h"

#include <glib.h>

typedef struct VkWorld VkWorld;

/* A guest that libvirt knows. */
typedef struct VkKnownGuest {
	char *name;
	char *uuid;
	VkGuestState state;
	gboolean persistent;
	char *domain_xml;
	char *live_xml; /* NULL when off */
} VkKnownGuest;

typedef struct VkWorldOps {
	/* FALSE, and why, when libvirt cannot be asked. */
	gboolean (*reach)(VkWorld *world, GError **error);
	/* As of needs.h. */
	gboolean (*check_need)(VkWorld *world, const VkNeed *need, const char **ret_lack,
			       GError **error);
	/* *RET is NULL when there is none of that name or uuid. */
	gboolean (*find)(VkWorld *world, const char *name_or_uuid, VkKnownGuest **ret,
			 GError **error);
	/* VkKnownGuest*: all that libvirt knows. */
	GPtrArray *(*list)(VkWorld *world, GError **error);
	/* New strings. */
	char *(*pool_directory)(VkWorld *world, const char *pool, GError **error);
	char *(*volume_path)(VkWorld *world, const char *pool, const char *volume, GError **error);
	/* What IMAGE is encrypted with, as libvirt has it. */
	VkQemuSecret *(*secret)(VkWorld *world, const VkDomainImage *image, GError **error);
	/* VkUserSnapshot*: those that libvirt lists of the guest. */
	GPtrArray *(*user_snapshots)(VkWorld *world, const char *uuid, GError **error);
	/* char*: the names of those that lie in the qcow2 image PATH. */
	GPtrArray *(*image_snapshots)(VkWorld *world, const char *path, GError **error);
	/* Of a copy that its array still has: VkArrayLayers, the image first; else NULL. */
	GPtrArray *(*layers)(VkWorld *world, const json_t *copy);
	/* As of array.h. */
	gboolean (*layer_unchanged)(VkWorld *world, const json_t *copy, guint layer);
	gboolean (*can_clone)(VkWorld *world, const json_t *copy, guint layer,
			      const char *directory);
	gboolean (*clone)(VkWorld *world, const json_t *copy, guint layer, const char *path,
			  gboolean *ret_done, GError **error);
	void (*free)(VkWorld *world);
} VkWorldOps;

struct VkWorld {
	const VkWorldOps *ops;
	/* Where libvirt keeps firmware variables, TPM state and saved memory. */
	const char *nvram_directory;
	const char *tpm_directory;
	const char *save_directory;
};

/* The host at the libvirt URI, and ARRAYS. Both are borrowed. */
VkWorld *vk_world_new(const char *uri, VkArrays *arrays);

/* Only for a world of vk_world_new(): its connection, made if need be. Borrowed. */
VkHost *vk_world_host(VkWorld *world, GError **error);

void vk_known_guest_free(VkKnownGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkKnownGuest, vk_known_guest_free)

static inline void vk_world_free(VkWorld *world)
{
	if (world)
		world->ops->free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkWorld, vk_world_free)
