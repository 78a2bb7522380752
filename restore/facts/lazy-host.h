/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkLazyHost: a libvirt host that is connected to when it is first needed: parts of a snapshot are
 * restored without libvirt. Threads: one at a time.
 */
#pragma once

#include "host.h"

#include <glib.h>

typedef struct VkLazyHost VkLazyHost;

/* URI is borrowed until the free. Nothing is contacted yet. */
VkLazyHost *vk_lazy_host_new(const char *uri);
void vk_lazy_host_free(VkLazyHost *lazy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkLazyHost, vk_lazy_host_free)

const char *vk_lazy_host_uri(const VkLazyHost *lazy); /* as given; borrowed */

/* The connection, made if need be. Borrowed. A failure is tried again the next time. */
VkHost *vk_lazy_host_get(VkLazyHost *lazy, GError **error);
