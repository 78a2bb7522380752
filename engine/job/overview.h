/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkOverview: the guests of a host and of a vault, and how well each is saved. Plain data. Threads:
 * one at a time.
 */
#pragma once

#include "protection.h"
#include "settings.h"
#include "vault.h"

#include <glib.h>

typedef struct VkOverviewGuest {
	char *name; /* on the host, else its view name in the vault */
	char *uuid;
	gboolean on_host;
	const char *skip; /* why backups of all leave it out; NULL: they do not. Static */
	VkProtection *protection;
} VkOverviewGuest;

typedef struct VkOverview {
	char *host;          /* as snapshots name it */
	gboolean host_known; /* libvirt answered; else only guests of the vault are here */
	char *host_error;    /* why it did not; NULL: it did, or there is to be none */
	GPtrArray *guests;   /* VkOverviewGuest, by name */
} VkOverview;

/*
 * Unless NAMES (never NULL, as for vk_select_guests()) is empty, only guests that fit one of them.
 * If libvirt does not answer at LIBVIRT_URI, that is a warning, unless there is to be none.
 */
VkOverview *vk_overview_load(VkVault *vault, const VkSettings *settings, const char *libvirt_uri,
			     char *const *names, GError **error);
void vk_overview_free(VkOverview *overview);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkOverview, vk_overview_free)
