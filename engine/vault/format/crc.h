/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC-32C, the checksum of the frames and tables of packs. Threads: free.
 */
#pragma once

#include <glib.h>

/* CRC-32C (RFC 3720) of LENGTH bytes, going on from SEED: 0, or the result for what came before. */
guint32 vk_crc32c(guint32 seed, const void *buf, gsize length);
