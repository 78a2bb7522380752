/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the libvirt side of this folder shares. Not to be included from other folders.
 */
#pragma once

#include "host.h"

#include <glib.h>
#include <libvirt/libvirt.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)

/*
 * A new reference to the connection, which is opened anew after a loss. *RET_GENERATION, if given,
 * counts the connections: events of an earlier one may have been missed.
 */
virConnectPtr vk_host_connection(VkHost *host, guint *ret_generation, GError **error);

/*
 * A call that only asks, tried again as vk_host_open_retrying() has it. The call sets its error by
 * vk_fail_libvirt().
 */
typedef gboolean (*VkQuestion)(VkHost *host, gpointer data, GError **error);
gboolean vk_host_ask(VkHost *host, VkQuestion question, gpointer data, GError **error);

/* Guests keep their host alive. */
VkHost *vk_host_ref(VkHost *host);

/* A guest of HOST; does not take DOMAIN. */
VkGuest *vk_guest_new(VkHost *host, virDomainPtr domain, GError **error);
VkHost *vk_guest_host(const VkGuest *guest);

/* A new reference to the domain on a connection that is alive. */
virDomainPtr vk_guest_domain(VkGuest *guest, GError **error);

/*
 * libvirt's last error, to be asked for right after the failure. QEMU and the agent of a guest may
 * have had a say in it. New string.
 */
char *vk_libvirt_reason(void);

/* Like vk_fail() with libvirt's last error at the end. To be called right after the failure. */
gboolean vk_fail_libvirt(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Waits between two polls: 10 ms at first, then longer up to a quarter of a second. */
void vk_poll_pause(guint *msec);

/* Seconds from now as a g_get_monotonic_time() value. */
gint64 vk_deadline(guint seconds);
gboolean vk_deadline_passed(gint64 deadline);
