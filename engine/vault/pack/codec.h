/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCodec: the compression of blocks. One for each thread that writes.
 */
#pragma once

#include "format.h"

#include <glib.h>

typedef struct VkCodec VkCodec;

VkCodec *vk_codec_new(int compression_level);
void vk_codec_free(VkCodec *codec);

/*
 * The bytes to store for DATA (at most VK_BLOCK_SIZE): compressed, or DATA itself when compression
 * would save less than 1/16. They stay valid until the next call, or as long as DATA.
 */
const void *vk_codec_encode(VkCodec *codec, const void *data, gsize length, gsize *ret_length,
			    guint8 *ret_compression);

/*
 * Decodes STORED into BUF of VK_BLOCK_SIZE bytes. FALSE when it is not what the compression id
 * says or would be longer. Threads: free.
 */
gboolean vk_decode(guint8 compression, const void *stored, gsize stored_length, void *buf,
		   gsize *ret_length);
