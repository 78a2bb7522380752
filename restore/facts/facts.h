/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkFacts: what a plan must know of the host and of its arrays, through a table of questions, so
 * that plans can be made without either. No question changes anything. Threads: one at a time.
 */
#pragma once

#include "array.h"
#include "domain-needs.h"
#include "domain.h"
#include "lazy-host.h"
#include "qemu-secret.h"
#include "user-snapshots.h"

#include <glib.h>

typedef struct VkFacts VkFacts;

/* A guest that libvirt knows. */
typedef struct VkKnownGuest {
	char *name;
	char *uuid;
	VkGuestState state;
	gboolean persistent;
	char *domain_xml;
	char *live_xml; /* NULL when off */
} VkKnownGuest;

typedef struct VkFactsOps {
	/* FALSE, and why, when libvirt cannot be asked. */
	gboolean (*reach)(const VkFacts *facts, GError **error);
	/* As of host-needs.h. */
	gboolean (*check_need)(const VkFacts *facts, const VkNeed *need, const char **ret_lack,
			       GError **error);
	/* *RET is NULL when there is none of that name or uuid. */
	gboolean (*find)(const VkFacts *facts, const char *name_or_uuid, VkKnownGuest **ret,
			 GError **error);
	/* VkKnownGuest*: all that libvirt knows. */
	GPtrArray *(*list)(const VkFacts *facts, GError **error);
	/* New strings. */
	char *(*pool_directory)(const VkFacts *facts, const char *pool, GError **error);
	char *(*volume_path)(const VkFacts *facts, const char *pool, const char *volume,
			     GError **error);
	/* What IMAGE is encrypted with, as libvirt has it. */
	VkQemuSecret *(*secret)(const VkFacts *facts, const VkDomainImage *image, GError **error);
	/* VkUserSnapshot*: what libvirt lists of the guest. */
	GPtrArray *(*user_snapshots)(const VkFacts *facts, const char *uuid, GError **error);
	/* char*: the names of the snapshots in the qcow2 image PATH. */
	GPtrArray *(*image_snapshots)(const VkFacts *facts, const char *path, GError **error);
	/* Of a copy that its array still has: VkArrayLayers, the image first; else NULL. */
	GPtrArray *(*layers)(const VkFacts *facts, const json_t *copy);
	/* As of array.h. */
	gboolean (*layer_unchanged)(const VkFacts *facts, const json_t *copy, guint layer);
	gboolean (*can_clone)(const VkFacts *facts, const json_t *copy, guint layer,
			      const char *directory);
	void (*free)(VkFacts *facts);
} VkFactsOps;

struct VkFacts {
	const VkFactsOps *ops;
	/* Where libvirt keeps firmware variables, TPM state and saved memory. */
	const char *nvram_directory;
	const char *tpm_directory;
	const char *save_directory;
};

/* The facts of HOST and of ARRAYS. Both are borrowed until the free. */
VkFacts *vk_facts_new(VkLazyHost *host, VkArrays *arrays);

void vk_known_guest_free(VkKnownGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkKnownGuest, vk_known_guest_free)

static inline void vk_facts_free(VkFacts *facts)
{
	if (facts)
		facts->ops->free(facts);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkFacts, vk_facts_free)
