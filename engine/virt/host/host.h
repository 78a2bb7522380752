/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkHost: a connection to a host's libvirt. No call waits without bound: the connection has
 * keepalive, agent calls have a timeout. Threads: free on one host.
 */
#pragma once

#include "guest.h"

#include <glib.h>

typedef struct VkHost VkHost;

/* Whether URI, "none", says that the machine has no libvirt, and is not meant to have one. */
gboolean vk_host_is_none(const char *uri);

/*
 * VK_ERROR_FAILED names the URI, and says to start libvirtd if it does not listen.
 * VK_ERROR_NOT_FOUND when there is to be none.
 */
VkHost *vk_host_open(const char *uri, GError **error);
void vk_host_free(VkHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkHost, vk_host_free)

/*
 * The same, tried again up to RETRIES times, with longer and longer pauses. Later questions to the
 * host are also tried again if the reason of a failure may pass: a lost connection, a busy guest. A
 * call that changes a guest is never repeated.
 */
VkHost *vk_host_open_retrying(const char *uri, guint retries, GError **error);

const char *vk_host_name(const VkHost *host); /* host name; borrowed */
const char *vk_host_uri(const VkHost *host);  /* aliases resolved; borrowed */
gboolean vk_host_is_alive(VkHost *host);

/* All guests, ordered by name. Returns VkGuest*, owned by the array. */
GPtrArray *vk_host_list(VkHost *host, GError **error);

/* By name or uuid. VK_ERROR_NOT_FOUND. */
VkGuest *vk_host_find(VkHost *host, const char *name_or_uuid, GError **error);

/* Defines a guest, or defines it anew. */
VkGuest *vk_host_define(VkHost *host, const char *xml, GError **error);

/* The host of GUEST. Borrowed. */
VkHost *vk_guest_host(const VkGuest *guest);

/*
 * The size and allocation in bytes of a volume. vk_guest_disk_size() does not know the volumes of a
 * guest that is off.
 */
gboolean vk_host_volume_size(VkHost *host, const char *pool, const char *volume, guint64 *ret_size,
			     guint64 *ret_allocation, GError **error);

/* The path of a volume in a storage pool, and a pool's directory. New strings. */
char *vk_host_volume_path(VkHost *host, const char *pool, const char *volume, GError **error);
char *vk_host_pool_directory(VkHost *host, const char *pool, GError **error);

/*
 * Where the libvirt at URI, the system's or the user's own, keeps WHAT beside its guests' disks:
 * "nvram", "save" (saved memory) or "swtpm" (emulated TPMs). New string.
 */
char *vk_libvirt_directory(const char *uri, const char *what);

/*
 * The directory of the states of emulated TPMs. Each guest has a subdirectory there, named by its
 * uuid. New string.
 */
char *vk_host_tpm_directory(const VkHost *host);
