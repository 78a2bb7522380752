/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sealed-store.h"

#include "errors.h"
#include "layout.h"
#include "sealed-names.h"

#include <string.h>

#define PART_STORED (VK_SEALED_PART + VK_TAG_SIZE)

typedef struct SealedStore {
	VkStore base;
	VkStoreOps ops; /* get_tail, list_deep and distrust as the inner one has them */
	VkStore *inner;
	const VkKeyring *keyring;
	VkSealedNames *names;
} SealedStore;

/* An object under way. What passes as it is has no part. */
typedef struct NewObject {
	const SealedStore *sealed;
	VkNewObject *inner;
	guint8 *part; /* what is not sealed yet, up to VK_SEALED_PART bytes; NULL: passes */
	gsize length;
	VkSealedHeader header;
	gboolean has_header; /* it was appended, with the first bytes */
	guint64 number;      /* of the part */
	VkKey key;
} NewObject;

static gboolean passes(const char *name)
{
	return g_str_has_prefix(name, VK_FOLDER_PACKS "/") ||
	       g_str_has_prefix(name, VK_FOLDER_KEYS "/") || !strchr(name, '/');
}

static VkStore *inner_of(VkStore *store)
{
	return ((SealedStore *)store)->inner;
}

static char *inside(const VkStore *store, const char *name)
{
	return vk_sealed_names_inside(((const SealedStore *)store)->names, name);
}

/* The store underneath names the file, which may not tell of which guest it is. */
static gboolean explain(gboolean done, const char *name, const char *inner_name, GError **error)
{
	if (!done && error && strcmp(name, inner_name) != 0 && !strstr((*error)->message, name))
		g_prefix_error(error, "'%s': ", name);
	return done;
}

static VkSealedHeader new_header(void)
{
	return (VkSealedHeader){
		.magic = VK_SEALED_MAGIC,
		.version = GUINT16_TO_LE(1),
		.header_length = GUINT16_TO_LE(sizeof(VkSealedHeader)),
	};
}

static void object_key(const SealedStore *sealed, const char *name, const guint8 *salt, VkKey *ret)
{
	vk_keyring_derive(sealed->keyring, VK_KEY_OBJECTS, salt, "virtkeep object", name,
			  strlen(name), ret);
}

static void free_object(NewObject *object)
{
	vk_key_wipe(&object->key);
	g_free(object->part);
	g_free(object);
}

static void sealed_drop(VkNewObject *new)
{
	NewObject *object = (NewObject *)new;

	object->sealed->inner->ops->drop(object->inner);
	free_object(object);
}

static VkNewObject *sealed_begin(VkStore *store, const char *name, GError **error)
{
	SealedStore *sealed = (SealedStore *)store;
	g_autofree char *inner_name = inside(store, name);
	VkNewObject *inner = sealed->inner->ops->begin(sealed->inner, inner_name, error);
	NewObject *object;

	if (!explain(inner != NULL, name, inner_name, error))
		return NULL;
	object = g_new0(NewObject, 1);
	object->sealed = sealed;
	object->inner = inner;
	if (passes(name))
		return (VkNewObject *)object;
	object->header = new_header();
	vk_random_bytes(object->header.salt, sizeof(object->header.salt));
	object_key(sealed, name, object->header.salt, &object->key);
	object->part = g_malloc(VK_SEALED_PART);
	return (VkNewObject *)object;
}

static gboolean append_header(NewObject *object, GError **error)
{
	if (!object->sealed->inner->ops->append(object->inner, &object->header,
						sizeof(object->header), error))
		return FALSE;
	object->has_header = TRUE;
	return TRUE;
}

static gboolean seal_part(NewObject *object, gboolean last, GError **error)
{
	g_autofree guint8 *stored = g_malloc(object->length + VK_TAG_SIZE);
	VkNonce nonce = vk_nonce(object->number++, last);
	gsize length = object->length;

	vk_aead_seal(&object->key, &nonce, NULL, 0, object->part, length, stored);
	object->length = 0;
	return object->sealed->inner->ops->append(object->inner, stored, length + VK_TAG_SIZE,
						  error);
}

/* A full part waits until more comes: it may be the last one. */
static gboolean sealed_append(VkNewObject *new, const void *bytes, gsize length, GError **error)
{
	NewObject *object = (NewObject *)new;
	const guint8 *from = bytes;

	if (!object->part)
		return object->sealed->inner->ops->append(object->inner, bytes, length, error);
	if (length > 0 && !object->has_header && !append_header(object, error))
		return FALSE;
	while (length > 0) {
		gsize n = MIN(length, VK_SEALED_PART - object->length);

		if (n == 0) {
			if (!seal_part(object, FALSE, error))
				return FALSE;
			continue;
		}
		memcpy(object->part + object->length, from, n);
		object->length += n;
		from += n;
		length -= n;
	}
	return TRUE;
}

static gboolean sealed_finish(VkNewObject *new, const char *name, VkPutMode mode, GError **error)
{
	NewObject *object = (NewObject *)new;
	const SealedStore *sealed = object->sealed;
	g_autofree char *inner_name = inside(&sealed->base, name);
	gboolean done;

	if (object->has_header && !seal_part(object, TRUE, error)) {
		sealed_drop(new);
		return FALSE;
	}
	done = sealed->inner->ops->finish(object->inner, inner_name, mode, error);
	free_object(object);
	return explain(done, name, inner_name, error);
}

static gboolean sealed_sync(VkStore *store, GError **error)
{
	return inner_of(store)->ops->sync(inner_of(store), error);
}

static void sealed_adopt(VkStore *store, const char *name)
{
	g_autofree char *inner_name = inside(store, name);

	inner_of(store)->ops->adopt(inner_of(store), inner_name);
}

static gboolean damaged(const char *name, GError **error)
{
	return vk_fail(error, VK_ERROR_DAMAGE,
		       "'%s' is damaged: it is not what was sealed with the vault's key", name);
}

/* How many bytes are in a sealed object of STORED bytes. FALSE: none has that size. */
static gboolean content_size(guint64 stored, guint64 *ret)
{
	guint64 parts;

	*ret = 0;
	if (stored == 0)
		return TRUE;
	if (stored < sizeof(VkSealedHeader) + VK_TAG_SIZE)
		return FALSE;
	stored -= sizeof(VkSealedHeader);
	parts = (stored + PART_STORED - 1) / PART_STORED;
	if (stored - (parts - 1) * PART_STORED < VK_TAG_SIZE)
		return FALSE;
	*ret = stored - parts * VK_TAG_SIZE;
	return TRUE;
}

/* An object that is being read. */
typedef struct OpenObject {
	VkStore *inner;
	const char *name;
	char *inner_name;
	guint64 size; /* of the content */
	guint64 last; /* number of the last part */
	VkKey key;
} OpenObject;

static gboolean open_object(VkStore *store, const char *name, OpenObject *ret, GError **error)
{
	SealedStore *sealed = (SealedStore *)store;
	const VkSealedHeader expected = new_header();
	VkSealedHeader header;
	guint64 stored;

	*ret = (OpenObject){
		.inner = sealed->inner, .name = name, .inner_name = inside(store, name)};
	if (!ret->inner->ops->head(ret->inner, ret->inner_name, &stored, NULL, error))
		return FALSE;
	if (!content_size(stored, &ret->size))
		return damaged(name, error);
	if (stored == 0)
		return TRUE;
	if (ret->size == 0)
		return damaged(name, error);
	ret->last = (ret->size - 1) / VK_SEALED_PART;
	if (!ret->inner->ops->get(ret->inner, ret->inner_name, 0, &header, sizeof(header), error))
		return FALSE;
	if (memcmp(&header, &expected, G_STRUCT_OFFSET(VkSealedHeader, salt)) != 0)
		return damaged(name, error);
	object_key(sealed, name, header.salt, &ret->key);
	return TRUE;
}

static void close_object(OpenObject *object)
{
	vk_key_wipe(&object->key);
	g_free(object->inner_name);
}

/* Reads and opens the part NUMBER into BUF of VK_SEALED_PART bytes. */
static gboolean read_part(const OpenObject *object, guint64 number, guint8 *stored, guint8 *buf,
			  GError **error)
{
	gsize length = (gsize)MIN(object->size - number * VK_SEALED_PART, VK_SEALED_PART);
	VkNonce nonce = vk_nonce(number, number == object->last);

	return object->inner->ops->get(object->inner, object->inner_name,
				       sizeof(VkSealedHeader) + number * PART_STORED, stored,
				       length + VK_TAG_SIZE, error) &&
	       (vk_aead_open(&object->key, &nonce, NULL, 0, stored, length + VK_TAG_SIZE, buf) ||
		damaged(object->name, error));
}

static gboolean read_range(const OpenObject *object, guint64 offset, guint8 *to, gsize length,
			   GError **error)
{
	g_autofree guint8 *stored = g_malloc(PART_STORED);
	g_autofree guint8 *part = g_malloc(VK_SEALED_PART);

	if (offset > object->size || length > object->size - offset)
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is damaged: it was cut short",
			       object->name);
	while (length > 0) {
		guint64 number = offset / VK_SEALED_PART;
		gsize at = (gsize)(offset - number * VK_SEALED_PART);
		gsize n = MIN(length, VK_SEALED_PART - at);

		if (!read_part(object, number, stored, part, error))
			return FALSE;
		memcpy(to, part + at, n);
		to += n;
		offset += n;
		length -= n;
	}
	return TRUE;
}

/*
 * Most objects have one part and are read in whole: then the length says all that there is to know,
 * and one read is enough. FALSE: it is something else, or wrong, which the long way finds out.
 */
static gboolean read_small(VkStore *store, const char *name, void *buf, gsize length)
{
	SealedStore *sealed = (SealedStore *)store;
	const VkSealedHeader expected = new_header();
	const gsize stored_length = sizeof(VkSealedHeader) + length + VK_TAG_SIZE;
	g_autofree char *inner_name = inside(store, name);
	g_autofree guint8 *stored = g_malloc(stored_length);
	VkNonce nonce = vk_nonce(0, TRUE);
	g_auto(VkKey) key = {0};

	if (!sealed->inner->ops->get(sealed->inner, inner_name, 0, stored, stored_length, NULL) ||
	    memcmp(stored, &expected, G_STRUCT_OFFSET(VkSealedHeader, salt)) != 0)
		return FALSE;
	object_key(sealed, name, stored + G_STRUCT_OFFSET(VkSealedHeader, salt), &key);
	return vk_aead_open(&key, &nonce, NULL, 0, stored + sizeof(VkSealedHeader),
			    length + VK_TAG_SIZE, buf);
}

static gboolean sealed_get(VkStore *store, const char *name, guint64 offset, void *buf,
			   gsize length, GError **error)
{
	OpenObject object;
	gboolean ok;

	if (passes(name))
		return inner_of(store)->ops->get(inner_of(store), name, offset, buf, length, error);
	if (offset == 0 && length > 0 && length <= VK_SEALED_PART &&
	    read_small(store, name, buf, length))
		return TRUE;
	ok = open_object(store, name, &object, error) &&
	     read_range(&object, offset, buf, length, error);
	ok = explain(ok, name, object.inner_name, error);
	close_object(&object);
	return ok;
}

/* Opens what was STORED as a whole. */
static GBytes *open_whole(const SealedStore *sealed, const char *name, GBytes *stored,
			  GError **error)
{
	const VkSealedHeader expected = new_header();
	const gsize salt = G_STRUCT_OFFSET(VkSealedHeader, salt);
	gsize length;
	const guint8 *from = g_bytes_get_data(stored, &length);
	g_autofree guint8 *content = NULL;
	g_auto(VkKey) key = {0};
	guint64 size;

	if (length == 0)
		return g_bytes_ref(stored);
	if (!content_size(length, &size) || size == 0 || memcmp(from, &expected, salt) != 0) {
		damaged(name, error);
		return NULL;
	}
	object_key(sealed, name, from + salt, &key);
	from += sizeof(VkSealedHeader);
	content = g_malloc(size);
	for (guint64 at = 0, number = 0; at < size; at += VK_SEALED_PART, number++) {
		gsize n = (gsize)MIN(size - at, VK_SEALED_PART);
		VkNonce nonce = vk_nonce(number, at + n == size);

		if (!vk_aead_open(&key, &nonce, NULL, 0, from + number * PART_STORED,
				  n + VK_TAG_SIZE, content + at)) {
			damaged(name, error);
			return NULL;
		}
	}
	return g_bytes_new_take(g_steal_pointer(&content), size);
}

static GBytes *sealed_get_all(VkStore *store, const char *name, gsize limit, GError **error)
{
	g_autofree char *inner_name = inside(store, name);
	gsize parts = limit / VK_SEALED_PART + 1;
	gsize added = passes(name) ? 0 : sizeof(VkSealedHeader) + parts * VK_TAG_SIZE;
	g_autoptr(GBytes) stored =
		vk_store_get_all(inner_of(store), inner_name, limit + added, error);
	GBytes *content;

	if (!explain(stored != NULL, name, inner_name, error))
		return NULL;
	if (passes(name))
		return g_steal_pointer(&stored);
	content = open_whole((SealedStore *)store, name, stored, error);
	explain(content != NULL, name, inner_name, error);
	return content;
}

/* Of packs alone; all else is read in whole. */
static GBytes *sealed_get_tail(VkStore *store, const char *name, gsize length, guint64 *ret_size,
			       GError **error)
{
	g_assert(passes(name));
	return vk_store_get_tail(inner_of(store), name, length, ret_size, error);
}

static gboolean sealed_head(VkStore *store, const char *name, guint64 *ret_size, gint64 *ret_stored,
			    GError **error)
{
	g_autofree char *inner_name = inside(store, name);

	if (!inner_of(store)->ops->head(inner_of(store), inner_name, ret_size, ret_stored, error))
		return explain(FALSE, name, inner_name, error);
	return passes(name) || content_size(*ret_size, ret_size) || damaged(name, error);
}

static gboolean sealed_identify(VkStore *store, const char *name, guint64 *ret_identity)
{
	g_autofree char *inner_name = inside(store, name);

	return inner_of(store)->ops->identify(inner_of(store), inner_name, ret_identity);
}

static GPtrArray *sealed_list(VkStore *store, const char *folder, GError **error)
{
	const SealedStore *sealed = (const SealedStore *)store;
	g_autofree char *inner_folder = inside(store, folder);
	g_autoptr(GPtrArray) names = sealed->inner->ops->list(sealed->inner, inner_folder, error);
	g_autoptr(GPtrArray) outside = g_ptr_array_new_with_free_func(g_free);

	if (!explain(names != NULL, folder, inner_folder, error))
		return NULL;
	for (guint i = 0; i < names->len; i++)
		g_ptr_array_add(outside,
				vk_sealed_names_outside(sealed->names, folder, names->pdata[i]));
	return g_steal_pointer(&outside);
}

/* Of packs alone. */
static GPtrArray *sealed_list_deep(VkStore *store, const char *folder, GError **error)
{
	g_assert(strcmp(folder, VK_FOLDER_PACKS) == 0);
	return vk_store_list_deep(inner_of(store), folder, error);
}

static gboolean sealed_stamp(VkStore *store, const char *folder, guint64 *ret_stamp, GError **error)
{
	g_autofree char *inner_folder = inside(store, folder);

	return explain(inner_of(store)->ops->stamp(inner_of(store), inner_folder, ret_stamp, error),
		       folder, inner_folder, error);
}

static gboolean sealed_delete(VkStore *store, const char *name, GError **error)
{
	g_autofree char *inner_name = inside(store, name);

	return explain(inner_of(store)->ops->delete (inner_of(store), inner_name, error), name,
		       inner_name, error);
}

static gboolean sealed_distrust(VkStore *store, const char *name)
{
	g_autofree char *inner_name = inside(store, name);

	return inner_of(store)->ops->distrust(inner_of(store), inner_name);
}

static void sealed_free(VkStore *store)
{
	SealedStore *sealed = (SealedStore *)store;

	sealed->inner->ops->free(sealed->inner);
	vk_sealed_names_free(sealed->names);
	g_free(sealed);
}

static const VkStoreOps sealed_ops = {
	.begin = sealed_begin,
	.append = sealed_append,
	.finish = sealed_finish,
	.drop = sealed_drop,
	.sync = sealed_sync,
	.adopt = sealed_adopt,
	.get = sealed_get,
	.get_all = sealed_get_all,
	.head = sealed_head,
	.identify = sealed_identify,
	.list = sealed_list,
	.stamp = sealed_stamp,
	.delete = sealed_delete,
	.free = sealed_free,
};

VkStore *vk_sealed_store_new(VkStore *inner, const VkKeyring *keyring)
{
	SealedStore *sealed = g_new0(SealedStore, 1);

	sealed->ops = sealed_ops;
	sealed->ops.get_tail = inner->ops->get_tail ? sealed_get_tail : NULL;
	sealed->ops.list_deep = inner->ops->list_deep ? sealed_list_deep : NULL;
	sealed->ops.distrust = inner->ops->distrust ? sealed_distrust : NULL;
	sealed->base.ops = &sealed->ops;
	sealed->inner = inner;
	sealed->keyring = keyring;
	sealed->names = vk_sealed_names_new(keyring);
	return &sealed->base;
}
