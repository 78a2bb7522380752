/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "content.h"

#include <string.h>

#define BLOCK       65536u
#define UNIT        4096u
#define UNIT_RANDOM 512u /* bytes of each unit that do not compress */

/* Keys below are common to all disks, as the files of an operating system are. */
#define COMMON_KEYS 300

static guint blocks_of(guint64 size)
{
	return (guint)((size + BLOCK - 1) / BLOCK);
}

Content *content_new(guint64 size)
{
	Content *content = g_new0(Content, 1);

	content->keys = g_array_new(FALSE, TRUE, sizeof(guint32));
	content_resize(content, size);
	return content;
}

Content *content_copy(const Content *content)
{
	Content *copy = g_new0(Content, 1);

	copy->size = content->size;
	copy->keys = g_array_copy(content->keys);
	return copy;
}

void content_free(Content *content)
{
	if (!content)
		return;
	g_array_unref(content->keys);
	g_free(content);
}

static guint32 *key_at(const Content *content, guint block)
{
	return &g_array_index(content->keys, guint32, block);
}

static guint32 choose_key(const Content *content, GRand *random)
{
	guint block = (guint)g_rand_int_range(random, 0, (gint32)content->keys->len);

	switch (g_rand_int_range(random, 0, 8)) {
	case 0:
		return 0;
	case 1:
		return *key_at(content, block);
	case 2:
	case 3:
		return (guint32)g_rand_int_range(random, 1, COMMON_KEYS);
	default:
		return COMMON_KEYS + g_rand_int(random) / 2;
	}
}

void content_change(Content *content, GRand *random, guint count)
{
	for (guint i = 0; i < count; i++) {
		guint first = (guint)g_rand_int_range(random, 0, (gint32)content->keys->len);
		guint last = first + (guint)g_rand_int_range(random, 0, 12);

		for (guint j = first; j <= last && j < content->keys->len; j++)
			*key_at(content, j) = choose_key(content, random);
	}
}

/* An old last block that was cut has other bytes than its key says: it becomes another one. */
void content_resize(Content *content, guint64 size)
{
	if (content->size % BLOCK != 0)
		*key_at(content, content->keys->len - 1) = 0;
	g_array_set_size(content->keys, blocks_of(size));
	content->size = size;
}

gboolean content_save(const Content *content, const char *path, GError **error)
{
	gsize length = content->keys->len * sizeof(guint32);
	g_autofree char *bytes = g_malloc(sizeof(content->size) + length);

	memcpy(bytes, &content->size, sizeof(content->size));
	memcpy(bytes + sizeof(content->size), content->keys->data, length);
	return g_file_set_contents(path, bytes, (gssize)(sizeof(content->size) + length), error);
}

Content *content_load(const char *path, GError **error)
{
	g_autofree char *bytes = NULL;
	gsize length;
	guint64 size;
	Content *content;

	if (!g_file_get_contents(path, &bytes, &length, error))
		return NULL;
	g_assert(length >= sizeof(size));
	memcpy(&size, bytes, sizeof(size));
	g_assert(length == sizeof(size) + blocks_of(size) * sizeof(guint32));
	content = content_new(size);
	memcpy(content->keys->data, bytes + sizeof(size), length - sizeof(size));
	return content;
}

static void make_block(guint32 key, guint8 *block)
{
	g_autoptr(GRand) random = key ? g_rand_new_with_seed(key) : NULL;

	memset(block, key ? (int)(key % 251) : 0, BLOCK);
	for (guint unit = 0; random && unit < BLOCK / UNIT; unit++)
		for (guint i = 0; i < UNIT_RANDOM; i += sizeof(guint32)) {
			guint32 number = g_rand_int(random);

			memcpy(block + unit * UNIT + i, &number, sizeof(number));
		}
}

MemSource *content_source(const Content *content, const Content *earlier)
{
	MemSource *source = mem_source_new(content->size);
	g_autofree guint8 *block = g_malloc(BLOCK);

	g_assert(BLOCK == VK_SOURCE_CHANGE_UNIT);
	if (earlier) {
		g_assert(earlier->size == content->size);
		source->base.knows_changes = TRUE;
		source->changed = g_malloc0(content->keys->len);
	}
	for (guint i = 0; i < content->keys->len; i++) {
		guint64 at = (guint64)i * BLOCK;
		gsize length = (gsize)MIN(BLOCK, content->size - at);
		guint32 key = *key_at(content, i);

		if (earlier)
			source->changed[i] = key != *key_at(earlier, i);
		if (key == 0)
			continue;
		make_block(key, block);
		memcpy(source->bytes + at, block, length);
		memset(source->kinds + at / MEM_UNIT, VK_SOURCE_DATA,
		       (length + MEM_UNIT - 1) / MEM_UNIT);
	}
	return source;
}

gboolean content_matches(const Content *content, guint64 offset, const guint8 *bytes, gsize length)
{
	g_autofree guint8 *block = g_malloc(BLOCK);

	g_assert(offset % BLOCK == 0 && offset + length <= content->size);
	for (gsize done = 0; done < length; done += BLOCK) {
		make_block(*key_at(content, (guint)((offset + done) / BLOCK)), block);
		if (memcmp(bytes + done, block, MIN(BLOCK, length - done)) != 0)
			return FALSE;
	}
	return TRUE;
}
