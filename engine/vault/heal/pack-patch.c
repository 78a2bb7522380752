/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack-patch.h"

#include "codec.h"
#include "crc.h"
#include "frame-seal.h"
#include "pack-end.h"
#include "pack-name.h"

#include <string.h>

/* A patch under way. Borrows all but the object and the keys. */
typedef struct Patch {
	VkStore *store;
	const VkPackContext *context;
	VkNewObject *object;
	VkPackHeader header;
	VkPackKeys *keys; /* NULL: the vault is not encrypted */
	VkParity *parity; /* NULL: the vault has none */
	VkCodec *codec;
	guint64 size;
	guint32 slots;
	VkTableEntry *entries; /* those of other generations are zeros */
} Patch;

static gboolean append(Patch *patch, const void *bytes, gsize length, GError **error)
{
	patch->size += length;
	if (patch->parity)
		vk_parity_add(patch->parity, bytes, length);
	return patch->store->ops->append(patch->object, bytes, length, error);
}

/* MAKER: nobody else puts a generation of that name. */
static void make_header(Patch *patch, const VkPackId *pack, const VkPackId *maker,
			guint32 generation)
{
	VkPackHeader *header = &patch->header;

	*header = (VkPackHeader){
		.magic = VK_PACK_MAGIC,
		.version = GUINT16_TO_LE(VK_FORMAT_VERSION),
		.header_length = GUINT16_TO_LE(sizeof(VkPackHeader)),
		.generation = GUINT32_TO_LE(generation),
		.created = GUINT64_TO_LE((guint64)g_get_real_time() / G_USEC_PER_SEC),
	};
	memcpy(header->vault_id, patch->context->vault_id, VK_ID_SIZE);
	memcpy(header->pack_id, pack->bytes, VK_ID_SIZE);
	memcpy(header->session, maker->bytes, VK_ID_SIZE);
	if (patch->context->keyring)
		patch->keys = vk_pack_keys_new(patch->context->keyring, header);
	header->crc32c = GUINT32_TO_LE(vk_crc32c(0, header, G_STRUCT_OFFSET(VkPackHeader, crc32c)));
}

static gboolean append_slot(Patch *patch, const VkPackId *pack, const VkPatchSlot *slot,
			    GError **error)
{
	VkTableEntry *entry = &patch->entries[slot->slot];
	VkNewFrame frame = {.keys = patch->keys, .pack = pack, .slot = slot->slot};
	guint8 to[VK_FRAME_SIZE_MAX];
	guint8 flags;
	gsize length;
	gconstpointer data = g_bytes_get_data(slot->content, &length);

	frame.bytes = vk_codec_encode(patch->codec, data, length, &frame.length, &flags);
	flags |= VK_SLOT_KIND_DATA | (length < VK_BLOCK_SIZE ? VK_SLOT_SHORT : 0);
	frame.flags = flags;
	memcpy(entry->id, slot->id.bytes, VK_BLOCK_ID_SIZE);
	entry->offset16 = (guint32)(patch->size / VK_FRAME_ALIGN);
	entry->length_flags = vk_new_frame_length_flags(&frame);
	entry->block = slot->block;
	entry->image = slot->image;
	length = vk_new_frame_make(&frame, patch->context, to);
	return append(patch, to, length, error);
}

static gboolean append_all(Patch *patch, const VkPackId *pack, const GArray *slots, GError **error)
{
	g_autofree guint8 *end = NULL;
	gsize length;

	if (!append(patch, &patch->header, sizeof(patch->header), error))
		return FALSE;
	for (guint i = 0; i < slots->len; i++) {
		const VkPatchSlot *slot = &g_array_index(slots, VkPatchSlot, i);

		patch->slots = MAX(patch->slots, slot->slot + 1);
		if (!append_slot(patch, pack, slot, error))
			return FALSE;
	}
	end = vk_pack_end(patch->context, &patch->header, patch->entries, patch->slots, slots->len,
			  patch->size, patch->parity, &length);
	return patch->store->ops->append(patch->object, end, length, error);
}

/* Higher than any that is there. It need not be: readers take each generation that has a slot. */
static gboolean choose_generation(VkStore *store, const VkPackId *pack, guint32 *ret,
				  GError **error)
{
	g_autoptr(GPtrArray) objects = vk_pack_generations(store, pack, error);
	g_autofree char *name =
		objects && objects->len > 0 ? g_path_get_basename(objects->pdata[0]) : NULL;
	guint64 highest = 0;
	VkPackId id;

	if (name)
		vk_pack_parse_name(name, &id, &highest);
	*ret = (guint32)MIN(highest + 1, G_MAXUINT32);
	return objects != NULL;
}

gboolean vk_pack_patch_put(VkStore *store, const VkPackContext *context, int compression_level,
			   const VkPackId *pack, const GArray *slots, GError **error)
{
	g_autofree VkTableEntry *entries = g_new0(VkTableEntry, VK_SLOTS_MAX);
	Patch patch = {.store = store, .context = context, .entries = entries};
	VkPackId maker = vk_pack_id_random();
	char digits[2 * VK_ID_SIZE + 1];
	g_autofree char *name = NULL;
	guint32 generation;
	gboolean done;

	if (!choose_generation(store, pack, &generation, error))
		return FALSE;
	vk_pack_id_format(&maker, digits);
	name = vk_pack_compacted_object(pack, generation, digits);
	patch.object = store->ops->begin(store, name, error);
	if (!patch.object)
		return FALSE;
	patch.codec = vk_codec_new(compression_level);
	if (context->parity)
		patch.parity = vk_parity_new(context, pack);
	make_header(&patch, pack, &maker, generation);
	done = append_all(&patch, pack, slots, error);
	if (done)
		done = store->ops->finish(patch.object, name, VK_PUT_NOW, error);
	else
		store->ops->drop(patch.object);
	vk_codec_free(patch.codec);
	vk_pack_keys_free(patch.keys);
	vk_parity_free(patch.parity);
	return done;
}
