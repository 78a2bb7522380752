/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's side of VkHost, for the folders of engine/virt. Threads: free.
 */
#pragma once

#include "host.h"

#include <glib.h>
#include <libvirt/libvirt.h>

/* Where the system's libvirt keeps what belongs to its guests. */
#define VK_LIBVIRT_STATE_DIRECTORY "/var/lib/libvirt/qemu"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)

/*
 * A new reference to the connection, which is opened anew after a loss. *RET_GENERATION, if given,
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
