/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inode.h"

struct VkInodes {
	guint hash_bits;
	GHashTable *numbers; /* "<kind>/<identity>", owned -> guint64, owned */
	GHashTable *taken;   /* the guint64s of NUMBERS, borrowed */
};

VkInodes *vk_inodes_new(guint hash_bits)
{
	VkInodes *inodes = g_new0(VkInodes, 1);

	inodes->hash_bits = hash_bits;
	inodes->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	inodes->taken = g_hash_table_new(g_int64_hash, g_int64_equal);
	return inodes;
}

void vk_inodes_free(VkInodes *inodes)
{
	if (!inodes)
		return;
	g_hash_table_unref(inodes->taken);
	g_hash_table_unref(inodes->numbers);
	g_free(inodes);
}

static guint64 hash_of(const char *text, guint bits)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize length = sizeof(digest);
	guint64 hash = 0;

	g_checksum_update(checksum, (const guchar *)text, -1);
	g_checksum_get_digest(checksum, digest, &length);
	for (guint i = 0; i < 8; i++)
		hash = hash << 8 | digest[i];
	return hash >> (64 - bits);
}

guint64 vk_inodes_get(VkInodes *inodes, VkInodeKind kind, const char *identity)
{
	g_autofree char *name = g_strdup_printf("%d/%s", (int)kind, identity);
	const guint64 *known = g_hash_table_lookup(inodes->numbers, name);
	guint64 mask = ((guint64)1 << inodes->hash_bits) - 1;
	guint64 hash;
	guint64 *number;

	if (known)
		return *known;
	hash = hash_of(name, inodes->hash_bits);
	number = g_new(guint64, 1);
	do {
		*number = (guint64)kind << 60 | hash << 12;
		hash = (hash + 1) & mask;
	} while (g_hash_table_contains(inodes->taken, number));
	g_hash_table_add(inodes->taken, number);
	g_hash_table_insert(inodes->numbers, g_steal_pointer(&name), number);
	return *number;
}
