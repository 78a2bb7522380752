/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources read over NBD. Threads: as of source.h.
 */
#pragma once

#include "source.h"

#include <glib.h>

/*
 * A source of EXPORT at a unix SOCKET. Each reader has its own connection. With BITMAP (nullable)
 * it knows its changes, from the context "qemu:dirty-bitmap:BITMAP", if the server offers that.
 */
VkSource *vk_source_nbd_new(const char *socket, const char *export, const char *bitmap,
			    GError **error);
