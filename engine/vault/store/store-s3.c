/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-s3-priv.h"

#include "layout.h"
#include "s3-access.h"

#include "errors.h"
#include "log.h"

#include <string.h>

/* Members of vault.json. */
#define TRAIT_CONDITION "put_if_absent"
#define TRAIT_MD5       "etag_is_md5"
#define TRAIT_SUFFIX    "suffix_range"

/* The part LENGTH at OFFSET of an object that is not on the server yet. */
static gboolean copy_part(const char *name, GBytes *bytes, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	gsize size;
	const guint8 *data = g_bytes_get_data(bytes, &size);

	if (offset > size || length > size - offset)
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is truncated", name);
	memcpy(buf, data + offset, length);
	return TRUE;
}

static gboolean s3_get(VkStore *base, const char *name, guint64 offset, void *buf, gsize length,
		       GError **error)
{
	S3Store *store = (S3Store *)base;
	g_autoptr(GBytes) pending = vk_store_s3_pending(store, name);

	if (pending)
		return copy_part(name, pending, offset, buf, length, error);
	return length == 0 || vk_s3_get(store->s3, name, offset, buf, length, error);
}

static GBytes *s3_get_all(VkStore *base, const char *name, gsize limit, GError **error)
{
	return vk_s3_get_all(((S3Store *)base)->s3, name, limit, error);
}

static gboolean s3_head(VkStore *base, const char *name, guint64 *ret_size, gint64 *ret_stored,
			GError **error)
{
	S3Store *store = (S3Store *)base;
	g_autoptr(GBytes) pending = vk_store_s3_pending(store, name);
	g_auto(VkS3Facts) facts = {0};

	if (pending) {
		facts.size = g_bytes_get_size(pending);
		facts.stored = g_get_real_time() / G_USEC_PER_SEC;
	} else if (!vk_s3_head(store->s3, name, &facts, error)) {
		return FALSE;
	}
	*ret_size = facts.size;
	if (ret_stored)
		*ret_stored = facts.stored;
	return TRUE;
}

/* Of a server whose traits are not known, one wrong answer costs a request, and nothing else. */
static GBytes *s3_get_tail(VkStore *base, const char *name, gsize length, guint64 *ret_size,
			   GError **error)
{
	S3Store *store = (S3Store *)base;
	g_autoptr(GBytes) pending = vk_store_s3_pending(store, name);
	g_autoptr(GError) trouble = NULL;
	GBytes *tail;

	if (pending || (store->traits && !store->traits->has_suffix))
		return vk_store_get_tail_by_size(base, name, length, ret_size, error);
	tail = vk_s3_get_tail(store->s3, name, length, ret_size, &trouble);
	if (tail || !g_error_matches(trouble, VK_ERROR, VK_ERROR_FAILED)) {
		if (trouble)
			g_propagate_error(error, g_steal_pointer(&trouble));
		return tail;
	}
	return vk_store_get_tail_by_size(base, name, length, ret_size, error);
}

static guint64 hash(guint64 start, const char *text)
{
	for (; *text; text++)
		start = (start ^ (guint8)*text) * G_GUINT64_CONSTANT(0x100000001b3);
	return start;
}

/* A folder, whose name has no dot, is not an object: it has no identity, and is not asked for. */
static gboolean s3_identify(VkStore *base, const char *name, guint64 *ret_identity)
{
	g_auto(VkS3Facts) facts = {0};

	if (!strchr(name, '.'))
		return FALSE;
	if (!vk_s3_head(((S3Store *)base)->s3, name, &facts, NULL) || !*facts.tag)
		return FALSE;
	*ret_identity = hash(facts.size ^ (guint64)facts.stored, facts.tag);
	return TRUE;
}

/* What the names in FOLDER begin with. As a directory's name, it may end with '/'. New string. */
static char *start_of(const char *folder)
{
	if (strcmp(folder, ".") == 0)
		return g_strdup("");
	return g_strconcat(folder, g_str_has_suffix(folder, "/") ? "" : "/", NULL);
}

static void take_name(const char *name, const char *tag, gpointer names)
{
	if (name[0] != '.')
		g_ptr_array_add(names, g_strdup(name));
}

static GPtrArray *s3_list(VkStore *base, const char *folder, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *start = start_of(folder);

	return vk_s3_list(((S3Store *)base)->s3, start, FALSE, take_name, names, error)
		       ? g_steal_pointer(&names)
		       : NULL;
}

/* What lies elsewhere than in a folder below is nobody's. */
static void take_deep_name(const char *name, const char *tag, gpointer names)
{
	const char *slash = strchr(name, '/');

	if (slash && name[0] != '.' && slash[1] != '.' && !strchr(slash + 1, '/'))
		g_ptr_array_add(names, g_strdup(name));
}

static GPtrArray *s3_list_deep(VkStore *base, const char *folder, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *start = start_of(folder);

	return vk_s3_list(((S3Store *)base)->s3, start, TRUE, take_deep_name, names, error)
		       ? g_steal_pointer(&names)
		       : NULL;
}

static void mix(const char *name, const char *tag, gpointer stamp)
{
	const guint64 basis = G_GUINT64_CONSTANT(0xcbf29ce484222325);

	*(guint64 *)stamp += hash(hash(basis, name), tag ? tag : "");
}

/* Folders do not say when they changed: all names below are looked at. */
static gboolean s3_stamp(VkStore *base, const char *folder, guint64 *ret_stamp, GError **error)
{
	g_autofree char *start = start_of(folder);
	guint64 stamp = 0;

	if (!vk_s3_list(((S3Store *)base)->s3, start, TRUE, mix, &stamp, error))
		return FALSE;
	*ret_stamp = stamp;
	return TRUE;
}

static gboolean s3_delete(VkStore *base, const char *name, GError **error)
{
	S3Store *store = (S3Store *)base;

	vk_store_s3_wait_for(store, name);
	return vk_s3_delete(store->s3, name, error);
}

/* What another writer's listing shows is durable. */
static void s3_adopt(VkStore *base, const char *name)
{
}

static void s3_free(VkStore *base)
{
	S3Store *store = (S3Store *)base;

	vk_store_s3_end_uploads(store);
	vk_s3_free(store->s3);
	g_free(store->traits);
	g_free(store);
}

static json_t *s3_get_traits(VkStore *base)
{
	const VkS3Traits *traits = ((S3Store *)base)->traits;

	return traits ? json_pack("{s:b, s:b, s:b}", TRAIT_CONDITION, traits->has_condition,
				  TRAIT_MD5, traits->has_md5, TRAIT_SUFFIX, traits->has_suffix)
		      : NULL;
}

/*
 * A vault that an earlier version made has none. An ETag that is compared by mistake ends each
 * backup; nothing else that is unknown does harm.
 */
static void s3_set_traits(VkStore *base, const json_t *object)
{
	S3Store *store = (S3Store *)base;

	if (!object || store->traits)
		return;
	store->traits = g_new0(VkS3Traits, 1);
	store->traits->has_condition = !json_is_false(json_object_get(object, TRAIT_CONDITION));
	store->traits->has_md5 = json_is_true(json_object_get(object, TRAIT_MD5));
	store->traits->has_suffix = !json_is_false(json_object_get(object, TRAIT_SUFFIX));
	vk_s3_set_traits(store->s3, store->traits);
}

static const VkStoreOps s3_ops = {
	.begin = vk_store_s3_begin,
	.append = vk_store_s3_append,
	.finish = vk_store_s3_finish,
	.drop = vk_store_s3_drop,
	.sync = vk_store_s3_sync,
	.adopt = s3_adopt,
	.get = s3_get,
	.get_all = s3_get_all,
	.get_tail = s3_get_tail,
	.head = s3_head,
	.identify = s3_identify,
	.list = s3_list,
	.list_deep = s3_list_deep,
	.stamp = s3_stamp,
	.delete = s3_delete,
	.get_traits = s3_get_traits,
	.set_traits = s3_set_traits,
	.free = s3_free,
};

static gboolean probe(S3Store *store, const char *url, GError **error)
{
	g_autofree VkS3Traits *traits = g_new0(VkS3Traits, 1);

	if (!vk_s3_probe(store->s3, VK_FOLDER_TMP "/", traits, error))
		return FALSE;
	vk_log_debug("the server of '%s' %s what is put twice, has %s as ETags, and %s the last "
		     "bytes of an object",
		     url, traits->has_condition ? "refuses" : "replaces",
		     traits->has_md5 ? "MD5s" : "numbers of its own",
		     traits->has_suffix ? "gives" : "does not give");
	store->traits = g_steal_pointer(&traits);
	return TRUE;
}

char *vk_store_s3_normalise(const char *url, GError **error)
{
	g_autoptr(VkS3Address) address = vk_s3_address_parse(url, error);

	return address ? vk_s3_address_format(address) : NULL;
}

VkStore *vk_store_s3_new(const char *url, gboolean is_new, GError **error)
{
	VkS3 *s3 = vk_s3_open(url, error);
	S3Store *store;

	if (!s3)
		return NULL;
	store = g_new0(S3Store, 1);
	store->base.ops = &s3_ops;
	store->s3 = s3;
	vk_store_s3_start_uploads(store);
	if (!is_new || probe(store, url, error))
		return &store->base;
	s3_free(&store->base);
	return NULL;
}
