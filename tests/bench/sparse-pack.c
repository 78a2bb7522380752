/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sparse-pack.h"

#include "codec.h"
#include "crc.h"
#include "frame.h"
#include "pack-end.h"
#include "pack-name.h"
#include "vault-parts.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct SparsePack {
	VkVault *vault;
	VkCodec *codec;
	guint64 random;
	int fd; /* -1: none is open */
	VkPackHeader header;
	VkPackId id;
	guint64 size;
	guint64 total;
	guint32 slots;
	VkTableEntry entries[VK_SLOTS_MAX];
};

SparsePack *sparse_pack_new(VkVault *vault, guint64 seed)
{
	SparsePack *pack = g_new0(SparsePack, 1);

	pack->vault = vault;
	pack->codec = vk_codec_new(1);
	pack->random = seed;
	pack->fd = -1;
	return pack;
}

void sparse_pack_free(SparsePack *pack)
{
	g_assert(pack->fd < 0);
	vk_codec_free(pack->codec);
	g_free(pack);
}

guint64 sparse_pack_total(const SparsePack *pack)
{
	return pack->total;
}

static gsize frame_size(gsize payload)
{
	gsize size = sizeof(VkFrameHeader) + payload;

	return (size + VK_FRAME_ALIGN - 1) / VK_FRAME_ALIGN * VK_FRAME_ALIGN;
}

static void write_at(SparsePack *pack, guint64 offset, const void *bytes, gsize length)
{
	if (pwrite(pack->fd, bytes, length, (off_t)offset) != (ssize_t)length)
		g_error("cannot write a pack: %m");
}

/* splitmix64: the GLib generator would take longer than all else. */
static guint64 next_random(SparsePack *pack)
{
	guint64 x = pack->random += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void fill_random(SparsePack *pack, guint8 *bytes, gsize length)
{
	for (gsize i = 0; i < length; i += sizeof(guint64)) {
		guint64 random = next_random(pack);

		memcpy(bytes + i, &random, sizeof(random));
	}
}

static void open_pack(SparsePack *pack)
{
	VkPackHeader *header = &pack->header;
	g_autofree char *object = NULL, *path = NULL, *folder = NULL;

	fill_random(pack, pack->id.bytes, VK_ID_SIZE);
	object = vk_pack_object(&pack->id, 0);
	path = g_build_filename(vk_vault_directory(pack->vault), object, NULL);
	folder = g_path_get_dirname(path);
	g_mkdir_with_parents(folder, 0700);
	pack->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (pack->fd < 0)
		g_error("cannot make '%s': %m", path);
	*header = (VkPackHeader){
		.magic = VK_PACK_MAGIC,
		.version = GUINT16_TO_LE(VK_FORMAT_VERSION),
		.header_length = GUINT16_TO_LE(sizeof(VkPackHeader)),
		.created = GUINT64_TO_LE((guint64)g_get_real_time() / G_USEC_PER_SEC),
	};
	memcpy(header->vault_id, pack->vault->context.vault_id, VK_ID_SIZE);
	memcpy(header->pack_id, pack->id.bytes, VK_ID_SIZE);
	header->crc32c = GUINT32_TO_LE(vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
	write_at(pack, 0, header, sizeof(*header));
	pack->size = sizeof(*header);
	pack->slots = 0;
}

void sparse_pack_finish(SparsePack *pack)
{
	gsize length;
	g_autofree guint8 *end = NULL;

	if (pack->fd < 0)
		return;
	end = vk_pack_end(&pack->vault->context, &pack->header, pack->entries, pack->slots,
			  pack->slots, pack->size, NULL, &length);
	write_at(pack, pack->size, end, length);
	if (close(pack->fd) < 0)
		g_error("cannot write a pack: %m");
	pack->fd = -1;
	pack->total += pack->size + length;
}

/* An open pack with room for SLOTS slots of BYTES in all. */
static void ensure_room(SparsePack *pack, guint slots, gsize bytes)
{
	gsize worst = bytes + slots * (sizeof(VkFrameHeader) + VK_FRAME_ALIGN);

	if (pack->fd >= 0 &&
	    (pack->slots + slots > VK_SLOTS_MAX || pack->size + worst > VK_PACK_SIZE))
		sparse_pack_finish(pack);
	if (pack->fd < 0)
		open_pack(pack);
}

/* Takes the next slot, and the room of its frame. */
static VkTableEntry *take_slot(SparsePack *pack, guint32 length_flags)
{
	VkTableEntry *entry = &pack->entries[pack->slots++];

	fill_random(pack, entry->id, VK_BLOCK_ID_SIZE);
	entry->offset16 = (guint32)(pack->size / VK_FRAME_ALIGN);
	entry->length_flags = length_flags;
	entry->block = pack->slots;
	entry->image = 0;
	pack->size += frame_size(length_flags & VK_SLOT_LENGTH_MASK);
	return entry;
}

guint32 sparse_pack_add_data(SparsePack *pack, guint32 count, VkPackId *ret_pack, guint32 *ret_slot)
{
	guint32 fits;

	ensure_room(pack, 1, VK_BLOCK_SIZE);
	fits = (guint32)((VK_PACK_SIZE - pack->size) / frame_size(VK_BLOCK_SIZE));
	fits = MIN(count, MAX(fits, 1));
	*ret_pack = pack->id;
	*ret_slot = pack->slots;
	for (guint32 i = 0; i < fits; i++)
		take_slot(pack, VK_BLOCK_SIZE | VK_COMPRESSION_NONE << VK_SLOT_FLAG_SHIFT);
	return fits;
}

static void add_map_slot(SparsePack *pack, GBytes *bytes, guint8 kind)
{
	gsize length, stored_length;
	const void *data = g_bytes_get_data(bytes, &length);
	guint8 compression;
	const void *stored =
		vk_codec_encode(pack->codec, data, length, &stored_length, &compression);
	guint8 flags = compression | kind | (length < VK_BLOCK_SIZE ? VK_SLOT_SHORT : 0);
	guint64 offset = pack->size;
	guint32 slot = pack->slots;
	VkTableEntry *entry =
		take_slot(pack, (guint32)stored_length | (guint32)flags << VK_SLOT_FLAG_SHIFT);
	VkFrameHeader header = {
		.magic = GUINT32_TO_LE(VK_FRAME_MAGIC),
		.slot = GUINT32_TO_LE(slot),
		.length_flags = GUINT32_TO_LE(entry->length_flags),
		.crc32c = GUINT32_TO_LE(vk_frame_checksum(&pack->vault->context, &pack->id, slot,
							  entry->length_flags, stored)),
	};
	g_autoptr(GChecksum) id = g_checksum_new(G_CHECKSUM_SHA256);
	gsize id_length = VK_BLOCK_ID_SIZE;

	g_checksum_update(id, data, (gssize)length);
	g_checksum_get_digest(id, entry->id, &id_length);
	write_at(pack, offset, &header, sizeof(header));
	write_at(pack, offset + sizeof(header), stored, stored_length);
}

void sparse_pack_add_segment(SparsePack *pack, const GPtrArray *slots, VkPackId *ret_pack,
			     guint32 *ret_slot)
{
	ensure_room(pack, slots->len, (gsize)slots->len * VK_BLOCK_SIZE);
	*ret_pack = pack->id;
	*ret_slot = pack->slots;
	for (guint i = 0; i < slots->len; i++)
		add_map_slot(pack, g_ptr_array_index(slots, i),
			     i == 0 ? VK_SLOT_KIND_DIRECTORY : VK_SLOT_KIND_MAP);
}
