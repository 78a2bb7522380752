/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attributes.h"

static void clear_attribute(VkAttribute *attribute)
{
	g_free(attribute->value);
}

/* Takes VALUE; NULL: the snapshot does not say it. */
static void add(GArray *attributes, const char *name, char *value)
{
	const VkAttribute attribute = {.name = name, .value = value};

	if (value)
		g_array_append_val(attributes, attribute);
}

/* Nothing in it but its members is hashed. */
G_STATIC_ASSERT(sizeof(VkSegment) == sizeof(VkPackId) + 4 * sizeof(guint32));

/*
 * A digest of where the vault has the content. What is stored never changes, so images with one
 * digest have the same content; the same content may lie elsewhere as well.
 */
static char *digest_of(const VkImageRecord *image)
{
	g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, image->size);

	if (!image->runs)
		return NULL;
	g_checksum_update(checksum, (const guchar *)size, -1);
	for (guint i = 0; i < image->runs->len; i++) {
		const VkRun *run = g_ptr_array_index(image->runs, i);

		g_checksum_update(checksum, (const guchar *)";", 1);
		g_checksum_update(checksum, (const guchar *)run->segments->data,
				  (gssize)(run->segments->len * sizeof(VkSegment)));
	}
	return g_strdup(g_checksum_get_string(checksum));
}

GArray *vk_attributes_new(const VkSnapshot *snapshot, const VkDiskRecord *disk)
{
	GArray *attributes = g_array_new(FALSE, FALSE, sizeof(VkAttribute));

	g_array_set_clear_func(attributes, (GDestroyNotify)clear_attribute);
	add(attributes, VK_ATTRIBUTE_PREFIX "consistency", g_strdup(snapshot->consistency));
	if (!disk)
		return attributes;
	add(attributes, VK_ATTRIBUTE_PREFIX "digest", digest_of(disk->image));
	add(attributes, VK_ATTRIBUTE_PREFIX "mode", g_strdup(disk->mode));
	add(attributes, VK_ATTRIBUTE_PREFIX "source", g_strdup(disk->source));
	add(attributes, VK_ATTRIBUTE_PREFIX "stored",
	    g_strdup_printf("%" G_GUINT64_FORMAT, disk->stored));
	return attributes;
}
