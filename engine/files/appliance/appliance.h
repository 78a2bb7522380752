/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkAppliance: a kernel of its own that reads the disks of a guest, in a sandbox, and the agent in
 * it that answers. What comes from there may be the work of whoever wrote the disks: it has to be
 * checked. The appliance ends with the free, and with this process, however that ends. Threads: the
 * one that started it.
 */
#pragma once

#include "image.h"
#include "machine.h"
#include "message.h"

#include <glib.h>

typedef struct VkAppliance VkAppliance;

/*
 * Bytes of memory. To open a volume of LUKS may need 1 GiB of it, and 128 MiB more. It is taken of
 * the host when it is used.
 */
#define VK_APPLIANCE_MEMORY        ((guint64)128 << 20)
#define VK_APPLIANCE_MEMORY_UNLOCK ((guint64)1280 << 20)

/* As many disks as User-mode Linux takes. */
#define VK_APPLIANCE_DISKS_MAX 16

/*
 * Starts one of KIND with the disks IMAGES (VkImage, taken), at most VK_APPLIANCE_DISKS_MAX, which
 * are called NAMES (char*), and with MEMORY bytes.
 * VK_ERROR_FAILED if a program is missing, or if the kernel does not start.
 */
VkAppliance *vk_appliance_start(const VkMachineKind *kind, GPtrArray *images,
				const GPtrArray *names, guint64 memory, GError **error);
void vk_appliance_free(VkAppliance *appliance); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkAppliance, vk_appliance_free)

/* Sends MESSAGE after writing its length. */
gboolean vk_appliance_send(VkAppliance *appliance, VkMessage *message, GError **error);

/*
 * Waits for the next message that is not only a sign of life. Its body is valid until the next
 * call. VK_ERROR_FAILED when nothing came in a minute, or only signs of life in
 * eleven.
 */
gboolean vk_appliance_receive(VkAppliance *appliance, VkMessageType *ret_type, VkBody *ret_body,
			      GError **error);

/* The first trouble with reading the snapshot's disks, or NULL. Borrowed until the free. */
const GError *vk_appliance_disk_trouble(VkAppliance *appliance);
