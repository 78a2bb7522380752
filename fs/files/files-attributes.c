/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extended attributes of a guest's files. Programs ask for several of one file in a row. */
#include "files-ops-priv.h"

#include <errno.h>
#include <string.h>

typedef struct Ask {
	VkPlace place;
	GHashTable *attributes;
} Ask;

static gboolean ask(VkGuestFiles *files, gpointer data, GError **error)
{
	Ask *wanted = data;

	wanted->attributes = vk_guest_node_attributes(files, &wanted->place, error);
	return wanted->attributes != NULL;
}

/* What the node has, into *RET: a new reference. 0, or an errno. */
static int load(VkFilesOps *ops, fuse_ino_t ino, GHashTable **ret)
{
	g_autofree char *path = vk_nodes_path(ops->nodes, ino, NULL);
	Ask wanted = {.place = ops->place};
	g_autoptr(GError) error = NULL;
	VkNodeFacts facts;

	if (!path || !vk_nodes_facts(ops->nodes, ino, &facts))
		return ESTALE;
	/* Those of others are not read. */
	if (!S_ISREG(facts.mode) && !S_ISDIR(facts.mode)) {
		*ret = g_hash_table_new(g_str_hash, g_str_equal);
		return 0;
	}
	wanted.place.path = path;
	if (!vk_guest_worker_call(ops->worker, ask, &wanted, &error))
		return vk_files_trouble(ops, path, error);
	*ret = wanted.attributes;
	return 0;
}

/* The same, out of the cache if they are there. */
static int attributes_of(VkFilesOps *ops, fuse_ino_t ino, GHashTable **ret)
{
	int trouble;

	g_mutex_lock(&ops->cache.lock);
	*ret = ops->cache.node == ino ? g_hash_table_ref(ops->cache.attributes) : NULL;
	g_mutex_unlock(&ops->cache.lock);
	if (*ret)
		return 0;
	trouble = load(ops, ino, ret);
	if (trouble)
		return trouble;
	g_mutex_lock(&ops->cache.lock);
	g_clear_pointer(&ops->cache.attributes, g_hash_table_unref);
	ops->cache.attributes = g_hash_table_ref(*ret);
	ops->cache.node = ino;
	g_mutex_unlock(&ops->cache.lock);
	return 0;
}

/* With SIZE 0 the kernel asks how many bytes there are. */
static void reply_bytes(fuse_req_t req, gconstpointer bytes, gsize length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (length > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
}

void vk_files_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	g_autoptr(GHashTable) attributes = NULL;
	int trouble = attributes_of(vk_files_ops_of(req), ino, &attributes);
	GBytes *value = trouble ? NULL : g_hash_table_lookup(attributes, name);
	gconstpointer bytes;
	gsize length;

	if (!value) {
		fuse_reply_err(req, trouble ? trouble : ENODATA);
		return;
	}
	bytes = g_bytes_get_data(value, &length);
	reply_bytes(req, bytes, length, size);
}

void vk_files_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	g_autoptr(GHashTable) attributes = NULL;
	int trouble = attributes_of(vk_files_ops_of(req), ino, &attributes);
	g_autoptr(GByteArray) names = g_byte_array_new();
	GHashTableIter iter;
	gpointer name;

	if (trouble) {
		fuse_reply_err(req, trouble);
		return;
	}
	g_hash_table_iter_init(&iter, attributes);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_byte_array_append(names, name, (guint)strlen(name) + 1);
	reply_bytes(req, names->data, names->len, size);
}
