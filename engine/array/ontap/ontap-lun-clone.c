/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clones of LUNs: made from a snapshot, read through the host's own paths, and removed again. Their
 * names include the host, and a process claims a clone as long as it lives. So the leftovers of a
 * killed process are known. The next backup or read of a LUN of the volume removes them.
 */
#include "errors.h"
#include "io.h"
#include "json.h"
#include "ontap-lun.h"
#include "source-file.h"
#include "timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOST_DIGITS 8

#define CLONE_PREFIX    "virtkeep_clone_"
#define DEVICE_WAIT_SEC 30
#define DEVICE_POLL_US  (G_USEC_PER_SEC / 5)

typedef struct Clone {
	VkOntap *ontap;
	char *svm, *name;
	gboolean is_tried;   /* the array may have it */
	char *uuid, *serial; /* once it is known */
	char *igroup;        /* the uuid; once it is mapped */
	char *device;        /* once the host has it */
	char *claim_path;    /* once it is claimed */
	int claim;
} Clone;

typedef struct LunSource {
	VkSource base;
	VkSource *inner;
	Clone *clone;
} LunSource;

static char *source_name(const VkOntapStored *layer)
{
	return g_strdup_printf("/vol/%s/.snapshot/%s/%s", layer->volume_name, layer->snapshot,
			       layer->path);
}

/* How the names of this host's clones begin. Beside the LUN, as clones have to be in its volume. */
static char *clone_prefix(const char *volume_name)
{
	g_autofree char *machine = NULL;
	g_autofree char *identity = NULL;
	g_autofree char *host = NULL;

	/* Hosts may share a name, and clones of one an identity. */
	g_file_get_contents("/etc/machine-id", &machine, NULL, NULL);
	identity = g_strconcat(g_get_host_name(), "\n", machine, NULL);
	host = g_compute_checksum_for_string(G_CHECKSUM_SHA256, identity, -1);
	return g_strdup_printf("/vol/%s/" CLONE_PREFIX "%.*s_", volume_name, HOST_DIGITS, host);
}

static char *new_clone_name(const VkOntapStored *layer)
{
	g_autofree char *now = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	g_autofree char *prefix = clone_prefix(layer->volume_name);

	return g_strdup_printf("%s%s_%08x", prefix, now, g_random_int());
}

/*
 * Claims the clone for the life of the process, by a lock on a file of its name. VK_ERROR_BUSY when
 * another process has claimed it.
 */
static gboolean claim(Clone *clone, GError **error)
{
	const char *directory = clone->ontap->run_dir;
	g_autofree char *base = g_path_get_basename(clone->name);
	g_autofree char *path = g_build_filename(directory, base, NULL);

	if (g_mkdir_with_parents(directory, 0700) != 0)
		return vk_fail_errno(error, errno, "cannot make the directory '%s'", directory);
	clone->claim = vk_io_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, error);
	if (clone->claim < 0)
		return FALSE;
	/*
	 * Who had it may have removed the file before our lock: others claim by another one then.
	 */
	if (flock(clone->claim, LOCK_EX | LOCK_NB) != 0 || !vk_io_is_linked(clone->claim))
		return vk_fail(error, VK_ERROR_BUSY, "the LUN '%s' is in use", clone->name);
	clone->claim_path = g_steal_pointer(&path);
	return TRUE;
}

/* *RET, a new reference, is NULL when there is none. */
static gboolean find_lun(Clone *clone, json_t **ret, GError **error)
{
	g_autofree char *url = vk_ontap_url("/api/storage/luns", "svm.name", clone->svm, "name",
					    clone->name, "fields", "uuid,name,serial_number", NULL);
	g_autoptr(json_t) luns = vk_ontap_list(clone->ontap->rest, url, 0, error);
	const json_t *lun = json_array_get(luns, 0);

	*ret = NULL;
	if (g_strcmp0(vk_json_optional_string(lun, "name"), clone->name) == 0)
		*ret = json_deep_copy(lun);
	return luns != NULL;
}

/* The same of one that may be in the making. */
static gboolean await_lun(Clone *clone, json_t **ret, GError **error)
{
	gint64 deadline = vk_ontap_look_deadline(clone->ontap->rest, 0), pause = 0;

	do {
		if (!find_lun(clone, ret, error))
			return FALSE;
	} while (!*ret && vk_ontap_wait(&pause, deadline));
	return TRUE;
}

static gboolean make_clone(Clone *clone, const VkOntapStored *layer, GError **error)
{
	g_autofree char *url = vk_ontap_url("/api/storage/luns", VK_ONTAP_AT_ONCE, NULL);
	g_autofree char *from = source_name(layer);
	json_t *body = json_pack("{s:{s:s}, s:s, s:{s:{s:s}}, s:{s:{s:b}}}", "svm", "name",
				 clone->svm, "name", clone->name, "clone", "source", "name", from,
				 "space", "guarantee", "requested", 0);
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) lun = NULL;
	g_auto(VkOntapReply) reply = {0};
	const char *uuid;

	clone->is_tried = TRUE;
	if (!vk_ontap_change(clone->ontap->rest, "POST", url, body, 0, &reply, &trouble) &&
	    !reply.is_unsure) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	if (!await_lun(clone, &lun, error))
		return FALSE;
	uuid = vk_json_optional_string(lun, "uuid");
	clone->serial = g_strdup(vk_json_optional_string(lun, "serial_number"));
	if (uuid && g_uuid_string_is_valid(uuid))
		clone->uuid = g_strdup(uuid);
	if (clone->uuid && clone->serial)
		return TRUE;
	if (trouble)
		g_propagate_error(error, g_steal_pointer(&trouble));
	else
		vk_fail(error, VK_ERROR_FAILED, "the array has not made the LUN '%s'", clone->name);
	return FALSE;
}

/* The group of initiators that sees the original. New string. */
static char *find_igroup(Clone *clone, const VkOntapStored *layer, GError **error)
{
	g_autofree char *url = vk_ontap_url("/api/protocols/san/lun-maps", "lun.uuid", layer->lun,
					    "fields", "igroup.uuid,igroup.name", NULL);
	g_autoptr(json_t) maps = vk_ontap_list(clone->ontap->rest, url, 0, error);
	const char *uuid = vk_json_nested_string(json_array_get(maps, 0), "igroup", "uuid");

	if (!maps)
		return NULL;
	if (json_array_size(maps) != 1 || !uuid || !g_uuid_string_is_valid(uuid)) {
		vk_fail(error, VK_ERROR_FAILED,
			"the LUN '%s' is mapped to %u igroups: map it to one "
			"only, so that it is clear which of them is this host",
			layer->path, (guint)json_array_size(maps));
		return NULL;
	}
	return g_strdup(uuid);
}

static char *map_url(const Clone *clone, const char *igroup)
{
	return g_strdup_printf("/api/protocols/san/lun-maps/%s/%s", clone->uuid, igroup);
}

static gboolean map_clone(Clone *clone, const VkOntapStored *layer, GError **error)
{
	g_autofree char *igroup = find_igroup(clone, layer, error);
	g_autofree char *url = igroup ? map_url(clone, igroup) : NULL;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(json_t) mapped = NULL;
	g_auto(VkOntapReply) reply = {0};

	if (!igroup)
		return FALSE;
	/* From here on it is to be unmapped, whatever comes back. */
	clone->igroup = g_strdup(igroup);
	if (vk_ontap_change(clone->ontap->rest, "POST", "/api/protocols/san/lun-maps",
			    json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "svm", "name", clone->svm,
				      "lun", "name", clone->name, "igroup", "uuid", igroup),
			    0, &reply, &trouble))
		return TRUE;
	if (reply.is_unsure)
		mapped = vk_ontap_get(clone->ontap->rest, url, NULL);
	if (mapped)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean await_device(Clone *clone, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)DEVICE_WAIT_SEC * G_USEC_PER_SEC;

	vk_ontap_scan_hosts();
	while (!(clone->device = vk_ontap_find_device(clone->serial))) {
		if (g_get_monotonic_time() >= deadline)
			return vk_fail(error, VK_ERROR_FAILED,
				       "no multipath device has come for the LUN '%s'",
				       clone->name);
		g_usleep(DEVICE_POLL_US);
	}
	return TRUE;
}

/* From the array, and its map before it. */
static void drop(Clone *clone)
{
	g_autofree char *map = clone->igroup ? map_url(clone, clone->igroup) : NULL;
	g_autofree char *path = NULL;
	g_autofree char *url = NULL;
	g_autoptr(GError) trouble = NULL;
	g_auto(VkOntapReply) unmapped = {0};
	g_auto(VkOntapReply) deleted = {0};
	g_autoptr(json_t) lun = NULL;

	/* A LUN that is still mapped is not deleted: the error of that is enough. */
	if (map)
		vk_ontap_change(clone->ontap->rest, "DELETE", map, NULL, 0, &unmapped, NULL);
	if (clone->is_tried && !clone->uuid) {
		find_lun(clone, &lun, NULL);
		clone->uuid = g_strdup(vk_json_optional_string(lun, "uuid"));
	}
	if (!clone->uuid || !g_uuid_string_is_valid(clone->uuid))
		return;
	path = g_strconcat("/api/storage/luns/", clone->uuid, NULL);
	url = vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);
	if (!vk_ontap_change(clone->ontap->rest, "DELETE", url, NULL, 0, &deleted, &trouble))
		clone->ontap->warn("the LUN '%s' stays, unmap and delete it: %s", clone->name,
				   trouble->message);
}

static void clone_free(Clone *clone)
{
	if (!clone)
		return;
	if (clone->claim_path) {
		if (clone->device)
			vk_ontap_forget_device(clone->device);
		drop(clone);
		unlink(clone->claim_path);
	}
	vk_io_clear_fd(&clone->claim);
	g_free(clone->claim_path);
	g_free(clone->svm);
	g_free(clone->name);
	g_free(clone->uuid);
	g_free(clone->serial);
	g_free(clone->igroup);
	g_free(clone->device);
	g_free(clone);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clone, clone_free)

/* NULL when it cannot be claimed. */
static Clone *clone_new(VkOntap *ontap, const char *svm, const char *name, GError **error)
{
	g_autoptr(Clone) clone = g_new0(Clone, 1);

	clone->claim = -1;
	clone->ontap = ontap;
	clone->svm = g_strdup(svm);
	clone->name = g_strdup(name);
	return claim(clone, error) ? g_steal_pointer(&clone) : NULL;
}

/* From LUN, the record of a clone that is a leftover. */
static void fill(Clone *clone, const json_t *lun)
{
	const json_t *map = json_array_get(json_object_get(lun, "lun_maps"), 0);
	const char *igroup = vk_json_nested_string(map, "igroup", "uuid");

	clone->uuid = g_strdup(vk_json_optional_string(lun, "uuid"));
	clone->serial = g_strdup(vk_json_optional_string(lun, "serial_number"));
	if (clone->serial)
		clone->device = vk_ontap_find_device(clone->serial);
	if (igroup && g_uuid_string_is_valid(igroup))
		clone->igroup = g_strdup(igroup);
}

/* The LUNs of SVM that are called NAME, which may be a pattern. New reference. */
static json_t *list_luns(VkOntap *ontap, const char *svm, const char *name, GError **error)
{
	g_autofree char *url =
		vk_ontap_url("/api/storage/luns", "svm.name", svm, "name", name, "fields",
			     "uuid,name,serial_number,lun_maps.igroup.uuid", NULL);

	return vk_ontap_list(ontap->rest, url, 0, error);
}

/* Whether its process is gone. */
static gboolean is_orphan(VkOntap *ontap, const char *name)
{
	g_autofree char *base = g_path_get_basename(name);
	g_autofree char *path = g_build_filename(ontap->run_dir, base, NULL);
	VK_AUTOFD fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	/* A lock for others to see, since nothing is done about the clone here. */
	return fd < 0 ? errno == ENOENT : flock(fd, LOCK_SH | LOCK_NB) == 0;
}

gboolean vk_ontap_list_clones(VkOntap *ontap, const char *svm, const char *volume_name,
			      GPtrArray *found, GError **error)
{
	g_autofree char *prefix = clone_prefix(volume_name);
	g_autofree char *pattern = g_strconcat(prefix, "*", NULL);
	g_autoptr(json_t) luns = list_luns(ontap, svm, pattern, error);
	gsize index;
	json_t *lun;

	json_array_foreach (luns, index, lun) {
		const char *name = vk_json_optional_string(lun, "name");
		json_t *handle;
		VkArraySnapshot *leftover;

		/* Whatever the array takes the pattern for. */
		if (!name || !g_str_has_prefix(name, prefix) || !is_orphan(ontap, name))
			continue;
		handle = json_pack("{s:s, s:s}", "svm", svm, VK_ONTAP_CLONE, name);
		leftover = vk_array_snapshot_new(&ontap->base, name, handle, name);
		leftover->kind = "LUN";
		leftover->is_unlisted = TRUE;
		g_ptr_array_add(found, leftover);
	}
	return luns != NULL;
}

gboolean vk_ontap_remove_clone(VkOntap *ontap, const json_t *handle, GError **error)
{
	const char *svm, *name;
	g_autoptr(GError) trouble = NULL;
	g_autoptr(Clone) clone = NULL;
	g_autoptr(json_t) luns = NULL;
	g_autoptr(json_t) left = NULL;

	if (!vk_json_string(handle, "svm", &svm, error) ||
	    !vk_json_string(handle, VK_ONTAP_CLONE, &name, error))
		return FALSE;
	clone = clone_new(ontap, svm, name, &trouble);
	/* The process that has claimed it removes it. */
	if (!clone && g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY))
		return TRUE;
	if (!clone) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	/* Looks for it once more, because it may be gone by now. */
	luns = list_luns(ontap, svm, name, error);
	if (!luns || json_array_size(luns) != 1)
		return luns != NULL;
	fill(clone, json_array_get(luns, 0));
	g_clear_pointer(&clone, clone_free);
	left = list_luns(ontap, svm, name, error);
	return left && (json_array_size(left) == 0 ||
			vk_fail(error, VK_ERROR_FAILED, "the LUN '%s' stays", name));
}

/* Removes leftovers of killed processes of this host in the volume. Best effort. */
static void sweep(VkOntap *ontap, const VkOntapStored *layer)
{
	g_autoptr(GPtrArray) found =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_snapshot_free);

	vk_ontap_list_clones(ontap, layer->svm, layer->volume_name, found, NULL);
	for (guint i = 0; i < found->len; i++)
		vk_ontap_remove_clone(
			ontap, ((VkArraySnapshot *)g_ptr_array_index(found, i))->handle, NULL);
}

/* A new one of LAYER. */
static Clone *new_clone(VkOntap *ontap, const VkOntapStored *layer, GError **error)
{
	g_autofree char *name = new_clone_name(layer);
	g_autoptr(Clone) clone = clone_new(ontap, layer->svm, name, error);

	return clone && make_clone(clone, layer, error) ? g_steal_pointer(&clone) : NULL;
}

static VkSourceReader *lun_open_reader(VkSource *base, GError **error)
{
	LunSource *source = (LunSource *)base;

	return source->inner->ops->open_reader(source->inner, error);
}

static void lun_free(VkSource *base)
{
	LunSource *source = (LunSource *)base;

	vk_source_free(source->inner);
	clone_free(source->clone);
	g_free(source);
}

static const VkSourceOps lun_ops = {
	.open_reader = lun_open_reader,
	.free = lun_free,
};

VkSource *vk_ontap_open_lun(VkOntap *ontap, const VkOntapStored *layer, GError **error)
{
	g_autoptr(Clone) clone = NULL;
	g_autoptr(VkSource) inner = NULL;
	LunSource *source;

	sweep(ontap, layer);
	clone = new_clone(ontap, layer, error);
	if (!clone || !map_clone(clone, layer, error) || !await_device(clone, error))
		return NULL;
	inner = vk_source_file_new(clone->device, error);
	if (!inner)
		return NULL;
	if (inner->size != layer->size) {
		vk_fail(error, VK_ERROR_FAILED, "'%s' is not of the size of the LUN '%s'",
			clone->device, clone->name);
		return NULL;
	}
	source = g_new0(LunSource, 1);
	source->base.ops = &lun_ops;
	source->base.size = inner->size;
	source->inner = g_steal_pointer(&inner);
	source->clone = g_steal_pointer(&clone);
	return &source->base;
}

static gboolean overwrite(VkOntap *ontap, const VkOntapStored *layer, const char *from,
			  VkOntapReply *reply, GError **error)
{
	g_autofree char *path = g_strconcat("/api/storage/luns/", layer->lun, NULL);
	g_autofree char *url = vk_ontap_url(path, VK_ONTAP_AT_ONCE, NULL);

	return vk_ontap_change(ontap->rest, "PATCH", url,
			       json_pack("{s:{s:{s:s}}}", "clone", "source", "name", from), 0,
			       reply, error);
}

gboolean vk_ontap_restore_lun(VkOntap *ontap, const VkOntapStored *layer, GError **error)
{
	g_autofree char *from = source_name(layer);
	g_autoptr(Clone) clone = NULL;
	g_autoptr(GError) trouble = NULL;
	g_auto(VkOntapReply) first = {0};
	g_auto(VkOntapReply) second = {0};

	if (overwrite(ontap, layer, from, &first, &trouble))
		return TRUE;
	/* Twice the same is the same. Some systems want a LUN, not one in a snapshot. */
	if (first.is_unsure)
		return overwrite(ontap, layer, from, &second, error);
	clone = new_clone(ontap, layer, error);
	return clone && overwrite(ontap, layer, clone->name, &second, error);
}
