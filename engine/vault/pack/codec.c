/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "codec.h"

#include <string.h>
#include <zstd.h>

/* Bytes tried to see whether a block is worth compressing, how fast, and what they must save. */
#define PROBE_BYTES  4096
#define PROBE_LEVEL  (-5)
#define PROBE_SAVING (PROBE_BYTES / 32)

/*
 * The fastest level skips matches of five bytes. In blocks of 64 KiB they save 2 % of the space for
 * 4 % of its time, and cost nothing in reading.
 */
#define FASTEST_LEVEL     1
#define FASTEST_MIN_MATCH 5

struct VkCodec {
	ZSTD_CCtx *compressor;
	ZSTD_CCtx *prober; /* the simple calls may reset a context's parameters */
	gboolean last_was_raw;
	guint8 out[VK_BLOCK_SIZE];
};

static void free_decompressor(gpointer decompressor)
{
	ZSTD_freeDCtx(decompressor);
}

static GPrivate thread_decompressor = G_PRIVATE_INIT(free_decompressor);

VkCodec *vk_codec_new(int compression_level)
{
	VkCodec *codec = g_new0(VkCodec, 1);

	codec->compressor = ZSTD_createCCtx();
	codec->prober = ZSTD_createCCtx();
	g_assert(codec->compressor && codec->prober);
	ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_compressionLevel, compression_level);
	if (compression_level == FASTEST_LEVEL)
		ZSTD_CCtx_setParameter(codec->compressor, ZSTD_c_minMatch, FASTEST_MIN_MATCH);
	return codec;
}

void vk_codec_free(VkCodec *codec)
{
	if (!codec)
		return;
	ZSTD_freeCCtx(codec->compressor);
	ZSTD_freeCCtx(codec->prober);
	g_free(codec);
}

/*
 * Data that does not compress comes in long stretches: after one of these blocks, probe the next.
 */
static gboolean looks_incompressible(VkCodec *codec, const void *data, gsize length)
{
	return codec->last_was_raw && length > PROBE_BYTES &&
	       ZSTD_isError(ZSTD_compressCCtx(codec->prober, codec->out, PROBE_BYTES - PROBE_SAVING,
					      data, PROBE_BYTES, PROBE_LEVEL));
}

const void *vk_codec_encode(VkCodec *codec, const void *data, gsize length, gsize *ret_length,
			    guint8 *ret_compression)
{
	gsize n = 0;

	g_assert(length <= VK_BLOCK_SIZE);
	if (!looks_incompressible(codec, data, length))
		n = ZSTD_compress2(codec->compressor, codec->out, length - length / 16, data,
				   length);
	if (ZSTD_isError(n))
		n = 0;
	codec->last_was_raw = n == 0;
	*ret_length = n ? n : length;
	*ret_compression = n ? VK_COMPRESSION_ZSTD : VK_COMPRESSION_NONE;
	return n ? codec->out : data;
}

gboolean vk_decode(guint8 compression, const void *stored, gsize stored_length, void *buf,
		   gsize *ret_length)
{
	ZSTD_DCtx *decompressor;
	gsize n;

	if (compression == VK_COMPRESSION_NONE) {
		if (stored_length > VK_BLOCK_SIZE)
			return FALSE;
		memcpy(buf, stored, stored_length);
		*ret_length = stored_length;
		return TRUE;
	}
	if (compression != VK_COMPRESSION_ZSTD)
		return FALSE;
	decompressor = g_private_get(&thread_decompressor);
	if (!decompressor) {
		decompressor = ZSTD_createDCtx();
		g_assert(decompressor);
		g_private_set(&thread_decompressor, decompressor);
	}
	n = ZSTD_decompressDCtx(decompressor, buf, VK_BLOCK_SIZE, stored, stored_length);
	*ret_length = n;
	return !ZSTD_isError(n);
}
