/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations on extended attributes. */
#include "ops-priv.h"

#include <errno.h>
#include <string.h>

/* As getxattr(2) has it: for SIZE 0 how much there is, and nothing that is cut. */
static void reply(fuse_req_t req, const char *bytes, size_t length, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, length);
	else if (length > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, bytes, length);
}

/* Those of INO; NULL: REQ has got its answer. */
static GArray *attributes_of(fuse_req_t req, fuse_ino_t ino)
{
	VkOps *ops = fuse_req_userdata(req);
	VkWatchUse *use = vk_watch_enter(ops->watch);
	const VkTree *tree = vk_watch_tree(use);
	g_autoptr(GError) error = NULL;
	GArray *attributes = vk_tree_attributes(tree, ino, &error);

	if (!attributes)
		fuse_reply_err(req, vk_ops_node_trouble(ops, tree, ino, error, ESTALE));
	vk_watch_leave(use);
	return attributes;
}

/* ls(1) asks each file for names of others: they need no look at the snapshot. */
void vk_ops_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	g_autoptr(GArray) attributes = NULL;

	if (!g_str_has_prefix(name, "user.")) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	attributes = attributes_of(req, ino);
	if (!attributes)
		return;
	for (guint i = 0; i < attributes->len; i++) {
		const VkAttribute *attribute = &g_array_index(attributes, VkAttribute, i);

		if (strcmp(attribute->name, name) == 0) {
			reply(req, attribute->value, strlen(attribute->value), size);
			return;
		}
	}
	fuse_reply_err(req, ENODATA);
}

void vk_ops_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	g_autoptr(GArray) attributes = attributes_of(req, ino);
	g_autoptr(GString) names = g_string_new(NULL);

	if (!attributes)
		return;
	for (guint i = 0; i < attributes->len; i++) {
		const char *name = g_array_index(attributes, VkAttribute, i).name;

		/* Each with its zero. */
		g_string_append_len(names, name, (gssize)strlen(name) + 1);
	}
	reply(req, names->str, names->len, size);
}
