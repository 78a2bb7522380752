/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSelection: which of a host's guests a command is for, and which of their disks are saved. A
 * guest is named by its name, its uuid, or a pattern of glob(7) for names, or is chosen by a tag.
 * One that the configuration skips has to be named itself. Threads: one at a time.
 */
#pragma once

#include "domain.h"
#include "host.h"
#include "settings.h"

#include <glib.h>

typedef struct VkLeftOut {
	char *guest;  /* its name */
	char *reason; /* in words */
} VkLeftOut;

typedef struct VkUnknownGuest {
	char *name; /* as it was asked for, or the tag */
	GError *error;
} VkUnknownGuest;

typedef struct VkSelection {
	GPtrArray *all;      /* VkGuest of the host, owned */
	GPtrArray *guests;   /* those of them that are chosen, each once */
	GPtrArray *left_out; /* VkLeftOut */
	GPtrArray *unknown;  /* VkUnknownGuest */
	GPtrArray *unfit;    /* char*: the words of EXCLUDE that fit no guest */
	gboolean alone;      /* one word chose one guest, or is unknown */
} VkSelection;

/* Which guests; all are NULL-terminated and nullable. */
typedef struct VkSelectionWords {
	char *const *names, *const *tags; /* both NULL: all guests */
	char *const *exclude;             /* names and patterns */
} VkSelectionWords;

/*
 * The guests with one of the names or one of the tags, but for the excluded. A name, pattern or tag
 * that no guest has is unknown, not a failure; one that excludes nothing gets a warning.
 */
VkSelection *vk_select_guests(VkHost *host, const VkSettings *settings,
			      const VkSelectionWords *words, GError **error);
void vk_selection_free(VkSelection *selection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSelection, vk_selection_free)

/* Whether the guest has the name, uuid or pattern WANTED. */
gboolean vk_guest_fits(const char *name, const char *uuid, const char *wanted);

/* Why the configuration leaves the guest out of a backup of all; NULL when it does not. Static. */
const char *vk_skip_reason(const VkSettings *settings, const char *name, const char *uuid);

/*
 * Why DISK is not saved; NULL when it is. EXCLUDE: targets that the configuration excludes;
 * nullable. Static.
 */
const char *vk_disk_skip_reason(const VkDomainDisk *disk, char *const *exclude);
