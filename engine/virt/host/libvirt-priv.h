/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's side of VkHost and VkGuest: connections, domains and errors. libvirt's types stay in
 * this folder. Threads: free.
 */
#pragma once

#include "guest.h"
#include "host.h"

#include <glib.h>
#include <libvirt/libvirt.h>

/* Where the system's libvirt keeps what belongs to its guests. */
#define VK_LIBVIRT_STATE_DIRECTORY "/var/lib/libvirt/qemu"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/*
 * A new reference to the connection, which is opened anew after a loss. *RET_GENERATION (nullable)
 * counts the connections: events of an earlier one may have been missed.
 */
virConnectPtr vk_host_connection(VkHost *host, guint *ret_generation, GError **error);

/*
 * A call that only asks. It is tried again, as vk_host_open_retrying() describes. The call sets its
 * error by vk_fail_libvirt().
 */
typedef gboolean (*VkQuestion)(VkHost *host, gpointer data, GError **error);
gboolean vk_host_ask(VkHost *host, VkQuestion question, gpointer data, GError **error);

/* Guests keep their host alive. */
VkHost *vk_host_ref(VkHost *host);

/* A guest of HOST; does not take DOMAIN. */
VkGuest *vk_guest_new(VkHost *host, virDomainPtr domain, GError **error);

/* A new reference to the domain on a connection that is alive. */
virDomainPtr vk_guest_domain(VkGuest *guest, GError **error);

/*
 * libvirt's last error in words, to be called right after the failure. Its text may come from QEMU
 * or from the guest's agent, and is made printable. New string.
 */
char *vk_libvirt_reason(void);

/* Like vk_fail() with libvirt's last error at the end. To be called right after the failure. */
gboolean vk_fail_libvirt(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
