/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's side of VkGuest, for the folders of engine/virt. Threads: free.
 */
#pragma once

#include "guest.h"
#include "host.h"

#include <glib.h>
#include <libvirt/libvirt.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/* A guest of HOST; does not take DOMAIN. */
VkGuest *vk_guest_new(VkHost *host, virDomainPtr domain, GError **error);

/* A new reference to the domain on a connection that is alive. */
virDomainPtr vk_guest_domain(VkGuest *guest, GError **error);
