/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of rewriting a domain XML, on one tree.
 */
#pragma once

#include "domain-priv.h"
#include "domain-rewrite.h"

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

/* Connects interfaces to other networks, or takes them, as the changes say. */
gboolean vk_rewrite_networks(const VkRewrite *rewrite, GError **error);

/* Gives a clone devices of its own, or drops them and says so. */
void vk_rewrite_separate(const VkRewrite *rewrite);
