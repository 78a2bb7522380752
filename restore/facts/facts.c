/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts.h"

#include "errors.h"
#include "host-needs.h"
#include "host-secret.h"
#include "qemu-image.h"

typedef struct LibvirtFacts {
	VkFacts base;
	VkLazyHost *host;
	VkArrays *arrays;
	char *nvram, *tpm, *save; /* directories */
} LibvirtFacts;

static VkHost *host_of(const VkFacts *facts, GError **error)
{
	return vk_lazy_host_get(((const LibvirtFacts *)facts)->host, error);
}

static VkArrays *arrays_of(const VkFacts *facts)
{
	return ((const LibvirtFacts *)facts)->arrays;
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

static gboolean libvirt_find(const VkFacts *facts, const char *name_or_uuid, VkKnownGuest **ret,
			     GError **error)
{
	VkHost *host = host_of(facts, error);
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

static GPtrArray *libvirt_list(const VkFacts *facts, GError **error)
{
	VkHost *host = host_of(facts, error);
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

static char *libvirt_pool_directory(const VkFacts *facts, const char *pool, GError **error)
{
	VkHost *host = host_of(facts, error);

	return host ? vk_host_pool_directory(host, pool, error) : NULL;
}

static char *libvirt_volume_path(const VkFacts *facts, const char *pool, const char *volume,
				 GError **error)
{
	VkHost *host = host_of(facts, error);

	return host ? vk_host_volume_path(host, pool, volume, error) : NULL;
}

static VkQemuSecret *libvirt_secret(const VkFacts *facts, const VkDomainImage *image,
				    GError **error)
{
	VkHost *host = host_of(facts, error);

	return host ? vk_secret_of_image(host, image, error) : NULL;
}

static GPtrArray *libvirt_user_snapshots(const VkFacts *facts, const char *uuid, GError **error)
{
	VkHost *host = host_of(facts, error);
	g_autoptr(VkGuest) guest = host ? vk_host_find(host, uuid, error) : NULL;

	return guest ? vk_user_snapshots_list(guest, error) : NULL;
}

static GPtrArray *libvirt_image_snapshots(const VkFacts *facts, const char *path, GError **error)
{
	return vk_image_file_snapshots(path, error);
}

static gboolean libvirt_reach(const VkFacts *facts, GError **error)
{
	return host_of(facts, error) != NULL;
}

static gboolean libvirt_check_need(const VkFacts *facts, const VkNeed *need, const char **ret_lack,
				   GError **error)
{
	VkHost *host = host_of(facts, error);

	return host && vk_host_check_need(host, need, ret_lack, error);
}

static GPtrArray *libvirt_layers(const VkFacts *facts, const json_t *copy)
{
	gboolean has;

	if (!vk_arrays_has(arrays_of(facts), copy, &has, NULL) || !has)
		return NULL;
	return vk_arrays_layers(arrays_of(facts), copy, NULL);
}

static gboolean libvirt_layer_unchanged(const VkFacts *facts, const json_t *copy, guint layer)
{
	return vk_arrays_layer_unchanged(arrays_of(facts), copy, layer);
}

static gboolean libvirt_can_clone(const VkFacts *facts, const json_t *copy, guint layer,
				  const char *directory)
{
	return vk_arrays_can_clone(arrays_of(facts), copy, layer, directory);
}

static void libvirt_free(VkFacts *facts)
{
	LibvirtFacts *libvirt = (LibvirtFacts *)facts;

	g_free(libvirt->nvram);
	g_free(libvirt->tpm);
	g_free(libvirt->save);
	g_free(libvirt);
}

static const VkFactsOps libvirt_ops = {.reach = libvirt_reach,
				       .check_need = libvirt_check_need,
				       .find = libvirt_find,
				       .list = libvirt_list,
				       .pool_directory = libvirt_pool_directory,
				       .volume_path = libvirt_volume_path,
				       .secret = libvirt_secret,
				       .user_snapshots = libvirt_user_snapshots,
				       .image_snapshots = libvirt_image_snapshots,
				       .layers = libvirt_layers,
				       .layer_unchanged = libvirt_layer_unchanged,
				       .can_clone = libvirt_can_clone,
				       .free = libvirt_free};

VkFacts *vk_facts_new(VkLazyHost *host, VkArrays *arrays)
{
	const char *uri = vk_lazy_host_uri(host);
	LibvirtFacts *libvirt = g_new0(LibvirtFacts, 1);

	libvirt->base.ops = &libvirt_ops;
	libvirt->base.nvram_directory = libvirt->nvram = vk_libvirt_directory(uri, "nvram");
	libvirt->base.tpm_directory = libvirt->tpm = vk_libvirt_directory(uri, "swtpm");
	libvirt->base.save_directory = libvirt->save = vk_libvirt_directory(uri, "save");
	libvirt->host = host;
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
