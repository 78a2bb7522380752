/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts.h"

#include "errors.h"
#include "qemu-image.h"
#include "secret.h"

typedef struct LibvirtWorld {
	VkWorld base;
	const char *uri;
	VkHost *host; /* NULL until asked for */
	VkArrays *arrays;
	char *nvram, *tpm, *save; /* directories */
} LibvirtWorld;

VkHost *vk_world_host(VkWorld *world, GError **error)
{
	LibvirtWorld *libvirt = (LibvirtWorld *)world;

	if (!libvirt->host)
		libvirt->host = vk_host_open(libvirt->uri, error);
	return libvirt->host;
}

/* NULL, with an error, when it cannot be asked for. */
static VkKnownGuest *known_guest_new(VkGuest *guest, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(guest, error);
	VkKnownGuest *known;

	if (!facts)
		return NULL;
	known = g_new0(VkKnownGuest, 1);
	known->name = g_strdup(vk_guest_name(guest));
	known->uuid = g_strdup(vk_guest_uuid(guest));
	known->state = facts->state;
	known->persistent = facts->persistent;
	known->domain_xml = g_strdup(facts->domain_xml);
	known->live_xml = g_strdup(facts->live_xml);
	return known;
}

static gboolean world_find(VkWorld *world, const char *name_or_uuid, VkKnownGuest **ret,
			   GError **error)
{
	VkHost *host = vk_world_host(world, error);
	g_autoptr(VkGuest) guest = NULL;
	g_autoptr(GError) trouble = NULL;

	*ret = NULL;
	if (!host)
		return FALSE;
	guest = vk_host_find(host, name_or_uuid, &trouble);
	if (!guest) {
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	*ret = known_guest_new(guest, error);
	return *ret != NULL;
}

static GPtrArray *world_list(VkWorld *world, GError **error)
{
	VkHost *host = vk_world_host(world, error);
	g_autoptr(GPtrArray) guests = host ? vk_host_list(host, error) : NULL;
	g_autoptr(GPtrArray) list =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_known_guest_free);

	for (guint i = 0; guests && i < guests->len; i++) {
		g_autoptr(GError) trouble = NULL;
		VkKnownGuest *known = known_guest_new(g_ptr_array_index(guests, i), &trouble);

		if (known) {
			g_ptr_array_add(list, known);
		} else if (!g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&trouble));
			return NULL;
		}
	}
	return guests ? g_steal_pointer(&list) : NULL;
}

static char *world_pool_directory(VkWorld *world, const char *pool, GError **error)
{
	VkHost *host = vk_world_host(world, error);

	return host ? vk_host_pool_directory(host, pool, error) : NULL;
}

static char *world_volume_path(VkWorld *world, const char *pool, const char *volume, GError **error)
{
	VkHost *host = vk_world_host(world, error);

	return host ? vk_host_volume_path(host, pool, volume, error) : NULL;
}

static VkQemuSecret *world_secret(VkWorld *world, const VkDomainImage *image, GError **error)
{
	VkHost *host = vk_world_host(world, error);

	return host ? vk_secret_of_image(host, image, error) : NULL;
}

static GPtrArray *world_user_snapshots(VkWorld *world, const char *uuid, GError **error)
{
	VkHost *host = vk_world_host(world, error);
	g_autoptr(VkGuest) guest = host ? vk_host_find(host, uuid, error) : NULL;

	return guest ? vk_user_snapshots_list(guest, error) : NULL;
}

static GPtrArray *world_image_snapshots(VkWorld *world, const char *path, GError **error)
{
	return vk_image_file_snapshots(path, error);
}

static gboolean world_reach(VkWorld *world, GError **error)
{
	return vk_world_host(world, error) != NULL;
}

static gboolean world_check_need(VkWorld *world, const VkNeed *need, const char **ret_lack,
				 GError **error)
{
	VkHost *host = vk_world_host(world, error);

	return host && vk_host_check_need(host, need, ret_lack, error);
}

static VkArrays *arrays_of(VkWorld *world)
{
	return ((LibvirtWorld *)world)->arrays;
}

static GPtrArray *world_layers(VkWorld *world, const json_t *copy)
{
	gboolean has;

	if (!vk_arrays_has(arrays_of(world), copy, &has, NULL) || !has)
		return NULL;
	return vk_arrays_layers(arrays_of(world), copy, NULL);
}

static gboolean world_layer_unchanged(VkWorld *world, const json_t *copy, guint layer)
{
	return vk_arrays_layer_unchanged(arrays_of(world), copy, layer);
}

static gboolean world_can_clone(VkWorld *world, const json_t *copy, guint layer,
				const char *directory)
{
	return vk_arrays_can_clone(arrays_of(world), copy, layer, directory);
}

static gboolean world_clone(VkWorld *world, const json_t *copy, guint layer, const char *path,
			    gboolean *ret_done, GError **error)
{
	return vk_arrays_clone(arrays_of(world), copy, layer, path, ret_done, error);
}

static void world_free(VkWorld *world)
{
	LibvirtWorld *libvirt = (LibvirtWorld *)world;

	vk_host_free(libvirt->host);
	g_free(libvirt->nvram);
	g_free(libvirt->tpm);
	g_free(libvirt->save);
	g_free(libvirt);
}

static const VkWorldOps world_ops = {.reach = world_reach,
				     .check_need = world_check_need,
				     .find = world_find,
				     .list = world_list,
				     .pool_directory = world_pool_directory,
				     .volume_path = world_volume_path,
				     .secret = world_secret,
				     .user_snapshots = world_user_snapshots,
				     .image_snapshots = world_image_snapshots,
				     .layers = world_layers,
				     .layer_unchanged = world_layer_unchanged,
				     .can_clone = world_can_clone,
				     .clone = world_clone,
				     .free = world_free};

VkWorld *vk_world_new(const char *uri, VkArrays *arrays)
{
	LibvirtWorld *libvirt = g_new0(LibvirtWorld, 1);

	libvirt->base.ops = &world_ops;
	libvirt->base.nvram_directory = libvirt->nvram = vk_libvirt_directory(uri, "nvram");
	libvirt->base.tpm_directory = libvirt->tpm = vk_libvirt_directory(uri, "swtpm");
	libvirt->base.save_directory = libvirt->save = vk_libvirt_directory(uri, "save");
	libvirt->uri = uri;
	libvirt->arrays = arrays;
	return &libvirt->base;
}

void vk_known_guest_free(VkKnownGuest *guest)
{
	if (!guest)
		return;
	g_free(guest->name);
	g_free(guest->uuid);
	g_free(guest->domain_xml);
	g_free(guest->live_xml);
	g_free(guest);
}
