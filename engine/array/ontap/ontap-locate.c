/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a file of the host to the volume that has it: mount, address, SVM, longest junction. */
#include "errors.h"
#include "json.h"
#include "mounts.h"
#include "nfs-path.h"
#include "ontap-path.h"
#include "ontap-priv.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

/* Names the mountinfo file of a test. */
#define MOUNTINFO_VARIABLE "VIRTKEEP_MOUNTINFO"

#define VOLUME_FIELDS                                               \
	"uuid,name,svm.name,nas.path,state,type,style,is_svm_root," \
	"snapshot_directory_access_enabled"

void vk_ontap_place_clear(VkOntapPlace *place)
{
	g_free(place->svm);
	g_free(place->volume_name);
	g_free(place->volume);
	g_free(place->path);
	g_free(place->root);
	g_free(place->below);
	g_free(place->lun);
	*place = (VkOntapPlace){0};
}

/* One spelling for each address. New string; NULL: it is none. */
static char *spell_address(const char *text)
{
	char buffer[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	int family = text && strchr(text, ':') ? AF_INET6 : AF_INET;

	if (!text || inet_pton(family, text, bytes) != 1)
		return NULL;
	return g_strdup(inet_ntop(family, bytes, buffer, sizeof(buffer)));
}

static char *address_of(const struct addrinfo *info)
{
	char buffer[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (const void *)info->ai_addr;
	const struct sockaddr_in6 *six = (const void *)info->ai_addr;
	const void *address = info->ai_family == AF_INET ? (const void *)&four->sin_addr
							 : (const void *)&six->sin6_addr;

	return g_strdup(inet_ntop(info->ai_family, address, buffer, sizeof(buffer)));
}

/* All addresses of a server: any of them may be the one that is mounted. */
static GHashTable *find_addresses(const char *host, GError **error)
{
	g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int result = getaddrinfo(host, NULL, &hints, &list);

	if (result != 0) {
		vk_fail(error, VK_ERROR_FAILED, "the address of the NFS server '%s' is unknown: %s",
			host, gai_strerror(result));
		return NULL;
	}
	for (const struct addrinfo *info = list; info; info = info->ai_next)
		if (info->ai_family == AF_INET || info->ai_family == AF_INET6)
			g_hash_table_add(found, address_of(info));
	freeaddrinfo(list);
	return g_steal_pointer(&found);
}

char *vk_ontap_find_svm(VkOntap *ontap, const char *host, GError **error)
{
	g_autoptr(GHashTable) addresses = find_addresses(host, error);
	g_autofree char *url =
		vk_ontap_url("/api/network/ip/interfaces", "fields", "ip.address,svm.name",
			     "svm.name", ontap->svm ? ontap->svm : "!null", NULL);
	g_autoptr(json_t) lifs =
		addresses ? vk_ontap_known_list(ontap, url, VK_ONTAP_KNOWN_SEC, error) : NULL;
	const char *found = NULL;
	gsize index;
	json_t *lif;

	if (!lifs)
		return NULL;
	json_array_foreach (lifs, index, lif) {
		g_autofree char *address =
			spell_address(vk_json_nested_string(lif, "ip", "address"));
		const char *svm = vk_json_nested_string(lif, "svm", "name");

		if (!address || !svm || !g_hash_table_contains(addresses, address))
			continue;
		if (found && strcmp(found, svm) != 0) {
			vk_fail(error, VK_ERROR_FAILED,
				"the addresses of '%s' belong to the SVMs '%s' and '%s': set svm "
				"in "
				"its section",
				host, found, svm);
			return NULL;
		}
		found = svm;
	}
	if (!found)
		vk_fail(error, VK_ERROR_NOT_FOUND, "'%s' is not an address of its SVMs", host);
	return g_strdup(found);
}

static gboolean is_other_than(const json_t *volume, const char *key, const char *value)
{
	const char *text = vk_json_optional_string(volume, key);

	return text && strcmp(text, value) != 0;
}

gboolean vk_ontap_check_volume(const json_t *volume, GError **error)
{
	const char *name = vk_json_optional_string(volume, "name");
	const char *why = NULL;

	if (json_is_true(json_object_get(volume, "is_svm_root")))
		why = "it is the root of its SVM";
	else if (is_other_than(volume, "state", "online"))
		why = "it is not online";
	else if (is_other_than(volume, "type", "rw"))
		why = "it is the destination of a mirror or otherwise read-only";
	else if (is_other_than(volume, "style", "flexvol"))
		why = "it is not a FlexVol";
	else if (json_is_false(json_object_get(volume, "snapshot_directory_access_enabled")))
		why = "its snapshots cannot be read: switch on snapshot_directory_access_enabled";
	return !why ||
	       vk_fail(error, VK_ERROR_FAILED, "the volume '%s' cannot be used: %s", name, why);
}

json_t *vk_ontap_name_space(VkOntap *ontap, const char *svm, GError **error)
{
	g_autofree char *url = vk_ontap_url("/api/storage/volumes", "svm.name", svm, "nas.path",
					    "!null", "fields", VOLUME_FIELDS, NULL);

	return vk_ontap_known_list(ontap, url, VK_ONTAP_KNOWN_SEC, error);
}

static const json_t *find_volume(VkOntap *ontap, const char *svm, const char *path,
				 json_t **ret_volumes, const char **ret_inside, GError **error)
{
	const json_t *volume;

	*ret_volumes = vk_ontap_name_space(ontap, svm, error);
	if (!*ret_volumes)
		return NULL;
	volume = vk_ontap_find_volume(*ret_volumes, path, ret_inside);
	if (!volume)
		vk_fail(error, VK_ERROR_FAILED, "no volume of the SVM '%s' is at '%s'", svm, path);
	return volume && vk_ontap_check_volume(volume, error) ? volume : NULL;
}

/*
 * Where the host finds the snapshots: at the junction, unless less than the volume is mounted. PATH
 * ends with INSIDE then.
 */
static void find_root(const char *path, const char *mountpoint, const char *inside,
		      VkOntapPlace *ret)
{
	const char *below = path + strlen(mountpoint);

	while (*below == '/')
		below++;
	if (!*inside) {
		ret->root = g_strdup(path);
		ret->below = g_strdup("");
	} else if (strlen(inside) <= strlen(below)) {
		ret->root = g_strndup(path, strlen(path) - strlen(inside) - 1);
		ret->below = g_strdup(inside);
	} else {
		ret->root = g_strdup(mountpoint);
		ret->below = g_strdup(below);
	}
}

static gboolean locate_on(VkOntap *ontap, const VkMountFacts *mount, const char *path,
			  VkOntapPlace *ret, GError **error)
{
	g_autofree char *host = NULL;
	g_autofree char *export = NULL;
	g_autofree char *svm = NULL;
	g_autofree char *full = NULL;
	g_autoptr(json_t) volumes = NULL;
	const json_t *volume;
	const char *inside;

	if (!vk_nfs_parse_source(mount->source, &host, &export))
		return vk_fail(error, VK_ERROR_FAILED, "the NFS mount '%s' has no server: '%s'",
			       mount->mountpoint, mount->source);
	svm = vk_ontap_find_svm(ontap, host, error);
	full = vk_nfs_join(export, mount->root, path + strlen(mount->mountpoint), NULL);
	volume = svm ? find_volume(ontap, svm, full, &volumes, &inside, error) : NULL;
	if (!volume)
		return FALSE;
	ret->svm = g_steal_pointer(&svm);
	ret->volume = g_strdup(vk_json_optional_string(volume, "uuid"));
	ret->volume_name = g_strdup(vk_json_optional_string(volume, "name"));
	ret->path = g_strdup(inside);
	find_root(path, mount->mountpoint, inside, ret);
	return (ret->volume && ret->volume_name && g_uuid_string_is_valid(ret->volume)) ||
	       vk_fail(error, VK_ERROR_FAILED, "the array sent a volume without name or uuid");
}

VkMounts *vk_ontap_load_mounts(GError **error)
{
	return vk_mounts_load(g_getenv(MOUNTINFO_VARIABLE), error);
}

gboolean vk_ontap_locate(VkOntap *ontap, const char *path, VkOntapPlace *ret, GError **error)
{
	g_autoptr(VkMounts) mounts = vk_ontap_load_mounts(error);
	VkMountFacts *mount = mounts ? vk_mounts_find(mounts, path, error) : NULL;
	gboolean ok = FALSE;

	if (!mount)
		return FALSE;
	if (g_strcmp0(mount->fstype, "nfs") != 0 && g_strcmp0(mount->fstype, "nfs4") != 0)
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"it is not on NFS, and of LUNs only raw ones can be taken");
	else
		ok = locate_on(ontap, mount, path, ret, error);
	vk_mount_facts_free(mount);
	return ok;
}
