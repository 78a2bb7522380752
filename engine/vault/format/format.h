/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vault, format 1. This header is the definition of what is in its objects, layout.h of where
 * they lie; virtkeep-vault(5) explains both.
 *
 * All integers are little-endian. Sizes are bounded before use. Nothing is overwritten. A reader
 * refuses what it does not know: a magic, a version, an "incompat" feature.
 *
 * Pack: header, frames (each 16-aligned), table, trailer. The trailer is the last 64 bytes.
 *
 *   +--------+-------+-------+- - -+-------+-------+---------+
 *   | header | frame | frame |     | frame | table | trailer |
 *   +--------+-------+-------+- - -+-------+-------+---------+
 *
 * With parity: what is before the parity is cut into shards, and zeros fill it up to a whole number
 * of sectors. The trailer is a part of the end, of which there are two copies, so that either can
 * be lost. No sector has a part of two shards.
 *
 *   +--------+- - -+-------+-------+-----+---+---+-----+
 *   | header |     | table | zeros | end | P | Q | end |
 *   +--------+- - -+-------+-------+-----+---+---+-----+
 *
 * A slot is a frame's number within its pack; an address is (pack id, slot) and stays valid for
 * ever while anything refers to it: compaction writes the same pack with the next generation, in
 * whose table the dropped slots have length 0.
 *
 * Map: an image is a list of runs, newest first. A run is a sorted list of extents, cut into
 * pages, each page one slot of kind MAP. Pages that follow each other in one pack are a segment;
 * the slot before them, of kind DIRECTORY, holds the first block of each as u32. A page names its
 * packs itself: extents refer to the list of pack ids at the page's end. A block that no run
 * names is a hole.
 *
 * JSON objects are two lines: the object, and {"sha256": "<hex of the first line>"}.
 */
#pragma once

#include "keyring.h"

#include <glib.h>

#define VK_FORMAT_VERSION 1

#define VK_BLOCK_LOG2 16
#define VK_BLOCK_SIZE (1u << VK_BLOCK_LOG2)
#define VK_PACK_LOG2  25
#define VK_PACK_SIZE                                                                \
	(1u << VK_PACK_LOG2) /* target; a pack may exceed it by one frame and table \
			      */
/* No pack is longer. */
#define VK_PACK_TOTAL_MAX (2 * (guint64)VK_PACK_SIZE)

#define VK_SLOTS_MAX         4096u
#define VK_RUNS_MAX          8u
#define VK_SEGMENT_PAGES_MAX 64u
#define VK_SEGMENTS_MAX      65536u
#define VK_PAGE_SIZE         VK_BLOCK_SIZE
#define VK_EXTENT_BLOCKS_MAX ((1u << 28) - 1)
/* Block numbers have 32 bits. */
#define VK_IMAGE_SIZE_MAX ((guint64)G_MAXUINT32 << VK_BLOCK_LOG2)
#define VK_DISKS_MAX      1024u

#define VK_ID_SIZE       16 /* vault, pack */
#define VK_BLOCK_ID_SIZE 32 /* SHA-256 of the plaintext; in an encrypted vault HMAC-SHA-256 */

typedef struct VkPackId {
	guint8 bytes[VK_ID_SIZE];
} VkPackId;

typedef struct VkBlockId {
	guint8 bytes[VK_BLOCK_ID_SIZE];
} VkBlockId;

/* Of a pack: pack-keys.h. */
#define VK_CIPHER_NONE        0u
#define VK_CIPHER_AES_256_GCM 1u
#define VK_KDF_HKDF_SHA256    1u
#define VK_WRAP_NONE          0u /* derived from the vault's */
#define VK_WRAP_X25519        1u /* sealed with the vault's public key */

#define VK_PACK_MAGIC    "VKPACK\r\n"
#define VK_FRAME_MAGIC   0x4d465256u /* "VRFM" */
#define VK_TRAILER_MAGIC 0x4c545256u /* "VRTL" */
#define VK_PAGE_MAGIC    0x504d5256u /* "VRMP" */
#define VK_HINT_MAGIC    "VKHINT\r\n"
#define VK_FRAME_ALIGN   16u

/* All structs below are packed by layout: no member is unaligned, no padding is implicit. */

typedef struct VkPackHeader {
	char magic[8];
	guint16 version;       /* 1 */
	guint16 header_length; /* 256; a reader skips what it does not know */
	guint8 cipher;         /* VK_CIPHER_* */
	guint8 kdf;            /* 0 none, 1 HKDF-SHA-256 */
	guint16 reserved0;
	guint8 vault_id[VK_ID_SIZE];
	guint8 pack_id[VK_ID_SIZE];
	guint32 generation;
	guint32 key_generation; /* reserved: 0 */
	guint8 salt[16];        /* of the pack's keys; zeros while cipher is none */
	guint8 session[VK_ID_SIZE];
	guint64 created;   /* seconds since 1970 */
	guint16 wrap_type; /* VK_WRAP_*: the key of its blocks */
	guint16 wrap_length;
	guint8 wrapped[VK_WRAPPED_SIZE];
	guint8 reserved1[72];
	guint32 crc32c; /* of everything before */
} VkPackHeader;
G_STATIC_ASSERT(sizeof(VkPackHeader) == 256);
G_STATIC_ASSERT(G_STRUCT_OFFSET(VkPackHeader, crc32c) == 252);

/* Length of the stored payload in the low 24 bits, flags in the high 8. A payload that is sealed
   has its tag of 16 bytes at the end. */
#define VK_SLOT_LENGTH_MASK    0x00ffffffu
#define VK_SLOT_FLAG_SHIFT     24
#define VK_SLOT_COMPRESSION    0x07u /* 0 raw, 1 zstd */
#define VK_SLOT_KIND           0x18u
#define VK_SLOT_KIND_DATA      0x00u
#define VK_SLOT_KIND_MAP       0x08u
#define VK_SLOT_KIND_DIRECTORY 0x10u
#define VK_SLOT_SHORT          0x20u /* fewer than VK_BLOCK_SIZE bytes when decoded */
#define VK_SLOT_KNOWN_FLAGS    0x3fu

#define VK_COMPRESSION_NONE 0u
#define VK_COMPRESSION_ZSTD 1u

/* Before each payload. The payload is followed by zeros up to the alignment. */
typedef struct VkFrameHeader {
	guint32 magic;
	guint32 slot;
	guint32 length_flags;
	guint32 crc32c; /* of vault id, pack id, slot, length_flags, payload: no frame can stand in
			   for another */
} VkFrameHeader;
G_STATIC_ASSERT(sizeof(VkFrameHeader) == 16);

typedef struct VkTableEntry {
	guint8 id[VK_BLOCK_ID_SIZE]; /* of the decoded bytes */
	guint32 offset16;            /* of the frame in the pack, in units of 16 bytes */
	guint32 length_flags;        /* as in the frame; 0: dropped by compaction */
	guint32 block;               /* first written as this block ... */
	guint32 image;               /* ... of this image of the session: for salvage only */
} VkTableEntry;
G_STATIC_ASSERT(sizeof(VkTableEntry) == 48);

typedef struct VkPackTrailer {
	guint64 table_offset;
	guint32 table_length; /* slots * 48; with a tag of 16 bytes when it is sealed */
	guint32 slots;
	guint32 live;
	guint32 table_crc32c;     /* of vault id, pack id, table as it is stored */
	guint8 parity_shard_log2; /* size of a shard */
	guint8 parity_data;       /* data shards; the last may be shorter */
	guint8 parity_shards;     /* VK_PARITY_SHARDS, or 0: no parity */
	guint8 reserved0;
	guint32 parity_crc32c; /* of vault id, pack id, the checksums of all shards */
	guint64 parity_offset; /* of the first copy of the end: the length of all data shards */
	guint8 table_salt[16]; /* of the key that seals the table; zeros while cipher is none */
	guint32 magic;
	guint32 crc32c; /* of everything before */
} VkPackTrailer;
G_STATIC_ASSERT(sizeof(VkPackTrailer) == 64);
G_STATIC_ASSERT(G_STRUCT_OFFSET(VkPackTrailer, crc32c) == 60);

/* Parity: parity-code.h has the code. */
#define VK_PARITY_SHARDS    2u
#define VK_PARITY_DATA_GOAL 128u
/* Of the largest size of shards, for a pack of twice VK_PACK_SIZE. */
#define VK_PARITY_DATA_MAX 254u
#define VK_PARITY_LOG2_MIN 12u
#define VK_PARITY_LOG2_MAX 18u
#define VK_PARITY_ALIGN    4096u /* the largest sector */

typedef struct VkParityEnd {
	guint32 crc32c[1008]; /* of each shard: vault id, pack id, its bytes. Data shards, P, Q */
	VkPackTrailer trailer;
} VkParityEnd;
G_STATIC_ASSERT(sizeof(VkParityEnd) == VK_PARITY_ALIGN);

typedef enum {
	VK_EXTENT_DATA = 0,
	VK_EXTENT_ZERO = 1,    /* allocated, reads as zeros */
	VK_EXTENT_HOLE = 2,    /* not allocated, reads as zeros */
	VK_EXTENT_DAMAGED = 3, /* lost for good: reads are errors */
} VkExtentKind;

#define VK_EXTENT_KIND_SHIFT 28

/* COUNT blocks from FIRST on. Data lies in consecutive slots of one pack. */
typedef struct VkPageExtent {
	guint32 first;
	guint32 count_kind; /* count in the low 28 bits, kind in the high 4 */
	guint32 pack;       /* index into the page's pack ids; 0 unless data */
	guint32 slot;       /* of the first block; 0 unless data */
} VkPageExtent;
G_STATIC_ASSERT(sizeof(VkPageExtent) == 16);

/* Followed by EXTENTS extents, then PACKS pack ids of 16 bytes. At most VK_PAGE_SIZE in all. */
typedef struct VkPageHeader {
	guint32 magic;
	guint16 version; /* 1 */
	guint16 extents; /* at least 1 */
	guint32 first_block;
	guint32 last_block;
	guint16 packs;
	guint8 reserved[14];
} VkPageHeader;
G_STATIC_ASSERT(sizeof(VkPageHeader) == 32);

/*
 * Followed by PACKS pack ids, then ENTRIES entries sorted by prefix. A wrong entry does no harm:
 * what it points to is compared by its full id before use.
 */
typedef struct VkHintHeader {
	char magic[8];
	guint16 version; /* 1 */
	guint16 header_length;
	guint32 packs;
	guint64 entries;
	guint8 vault_id[VK_ID_SIZE];
	guint8 reserved[20];
	guint32 crc32c; /* of the header before and of the pack ids: what is not searched itself */
} VkHintHeader;
G_STATIC_ASSERT(sizeof(VkHintHeader) == 64);
G_STATIC_ASSERT(G_STRUCT_OFFSET(VkHintHeader, crc32c) == 60);

typedef struct VkHintEntry {
	guint64 prefix; /* first 8 bytes of the block id, as a little-endian number */
	guint32 pack;
	guint32 slot;
} VkHintEntry;
G_STATIC_ASSERT(sizeof(VkHintEntry) == 16);
