/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources read through a qemu-nbd of their own. Threads: as of source.h.
 */
#pragma once

#include "qemu-image.h"
#include "source.h"

#include <glib.h>

/*
 * A source of an image and its backing files, LAYERS, through a qemu-nbd of its own that shares
 * them with writers. With BITMAP (nullable) of the image it knows its changes, if QEMU offers them.
 * QEMU takes the first bitmap of that name in the chain: the caller makes sure that it is the right
 * one.
 */
VkSource *vk_source_served_new(const VkQemuLayer *layers, guint count, const char *bitmap,
			       GError **error);
