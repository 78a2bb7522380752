/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mapping-check.h"

#include "mapping.h"
#include "nfs-path.h"

#include <stdlib.h>
#include <string.h>

struct VkMappingCheck {
	char *host;
	gboolean is_configured;
	GPtrArray *configured;     /* VkMapping; the used ones are removed from it */
	GPtrArray *right;          /* VkMapping */
	GPtrArray *wrong, *untold; /* char* */
};

static GPtrArray *entries_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)vk_mapping_free);
}

VkMappingCheck *vk_mapping_check_new(const char *host, const char *configured)
{
	VkMappingCheck *check = g_new0(VkMappingCheck, 1);

	check->host = g_strdup(host);
	check->is_configured = configured != NULL;
	check->configured = configured ? vk_mappings_parse(configured, NULL) : NULL;
	if (!check->configured)
		check->configured = entries_new();
	check->right = entries_new();
	check->wrong = g_ptr_array_new_with_free_func(g_free);
	check->untold = g_ptr_array_new_with_free_func(g_free);
	return check;
}

void vk_mapping_check_free(VkMappingCheck *check)
{
	if (!check)
		return;
	g_free(check->host);
	g_ptr_array_unref(check->configured);
	g_ptr_array_unref(check->right);
	g_ptr_array_unref(check->wrong);
	g_ptr_array_unref(check->untold);
	g_free(check);
}

const char *vk_mapping_check_host(const VkMappingCheck *check)
{
	return check->host;
}

gboolean vk_mapping_check_is_right(const VkMappingCheck *check)
{
	return check->is_configured && check->wrong->len == 0;
}

const GPtrArray *vk_mapping_check_wrong(const VkMappingCheck *check)
{
	return check->wrong;
}

const GPtrArray *vk_mapping_check_untold(const VkMappingCheck *check)
{
	return check->untold;
}

/* ---- where a disk lies ---- */

typedef enum { PLACE_LOCAL, PLACE_NFS, PLACE_UNKNOWN } PlaceKind;

static PlaceKind place_kind(const VkFoundDisk *disk)
{
	if (!disk->mount)
		return PLACE_UNKNOWN;
	return g_str_has_prefix(disk->mount->fstype, "nfs") ? PLACE_NFS : PLACE_LOCAL;
}

/*
 * For "filer:/export" mounted on /mnt, the file /mnt/a is /export/a of filer. NULL: it is not on
 * NFS.
 */
static VkMapping *nfs_entry(const char *guest, const VkFoundDisk *disk)
{
	const VkMountFacts *mount = disk->mount;
	g_autofree char *resolved = realpath(disk->path, NULL);
	g_autofree char *server = NULL, *export = NULL, *path = NULL, *controller = NULL;

	if (!resolved || !g_str_has_prefix(resolved, mount->mountpoint) ||
	    !vk_nfs_parse_source(mount->source, &server, &export))
		return NULL;
	path = vk_nfs_join(export, mount->root ? mount->root : "",
			   resolved + strlen(mount->mountpoint), NULL);
	controller = strchr(server, ':') ? g_strdup_printf("[%s]", server) : g_strdup(server);
	return vk_mapping_new(guest, controller, path);
}

static VkMapping *entry_of(const VkMappingCheck *check, const char *guest, const VkFoundDisk *disk)
{
	VkMapping *entry = place_kind(disk) == PLACE_NFS ? nfs_entry(guest, disk) : NULL;

	return entry ? entry : vk_mapping_new(guest, check->host, disk->path);
}

/*
 * ONTAP's /vol/NAME is what clients mount as /NAME, with one slash between any two words. New
 * string.
 */
static char *as_mounted(const char *path)
{
	return vk_nfs_join(g_str_has_prefix(path, "/vol/") ? path + strlen("/vol") : path, NULL);
}

/*
 * How much of an entry's path is what the server exports: the rest is of files, which have a case.
 */
static gsize export_length(const VkMountFacts *mount)
{
	g_autofree char *server = NULL, *export = NULL, *path = NULL;

	if (!vk_nfs_parse_source(mount->source, &server, &export))
		return 0;
	path = as_mounted(export);
	return strlen(path);
}

static gboolean is_same_on_nfs(const char *one, const char *other, const VkMountFacts *mount)
{
	g_autofree char *left = as_mounted(one);
	g_autofree char *right = as_mounted(other);
	gsize exported = export_length(mount);

	return strlen(left) == strlen(right) && strlen(left) >= exported &&
	       g_ascii_strncasecmp(left, right, exported) == 0 &&
	       strcmp(left + exported, right + exported) == 0;
}

static gboolean fits(const VkMappingCheck *check, const VkMapping *configured,
		     const VkMapping *entry, const VkFoundDisk *disk)
{
	gboolean is_elsewhere = g_ascii_strcasecmp(configured->controller, check->host) != 0;

	if (strcmp(configured->guest, entry->guest) != 0)
		return FALSE;
	switch (place_kind(disk)) {
	case PLACE_LOCAL:
		return !is_elsewhere && strcmp(configured->path, entry->path) == 0;
	case PLACE_NFS:
		return is_elsewhere && is_same_on_nfs(configured->path, entry->path, disk->mount);
	case PLACE_UNKNOWN:
		return is_elsewhere || strcmp(configured->path, entry->path) == 0;
	}
	g_assert_not_reached();
}

/* Takes the configured entry that fits, if there is one. */
static VkMapping *take_configured(VkMappingCheck *check, const VkMapping *entry,
				  const VkFoundDisk *disk)
{
	for (guint i = 0; i < check->configured->len; i++)
		if (fits(check, g_ptr_array_index(check->configured, i), entry, disk))
			return g_ptr_array_steal_index(check->configured, i);
	return NULL;
}

/* ---- guests ---- */

static void add_disk(VkMappingCheck *check, const char *guest, const VkFoundDisk *disk)
{
	VkMapping *entry = entry_of(check, guest, disk);
	VkMapping *configured = take_configured(check, entry, disk);

	if (!configured && !vk_mapping_is_writable(entry)) {
		g_ptr_array_add(check->untold,
				g_strdup_printf("guest '%s': KVM_VM_MAPPING cannot name its disk "
						"'%s', because its form does not allow this name",
						guest, disk->path));
		vk_mapping_free(entry);
		return;
	}
	if (!configured && check->is_configured)
		g_ptr_array_add(check->wrong,
				g_strdup_printf("guest '%s': KVM_VM_MAPPING lacks its disk '%s'",
						guest, disk->path));
	g_ptr_array_add(check->right, configured ? configured : entry);
	if (configured)
		vk_mapping_free(entry);
}

/* What is known in whole has the first choice among the configured entries. */
void vk_mapping_check_add(VkMappingCheck *check, const VkFoundGuest *guest)
{
	for (int unknown = 0; unknown <= 1; unknown++)
		for (guint i = 0; i < guest->disks->len; i++) {
			const VkFoundDisk *disk = g_ptr_array_index(guest->disks, i);

			if (!disk->reason && disk->path &&
			    (place_kind(disk) == PLACE_UNKNOWN) == unknown)
				add_disk(check, guest->name, disk);
		}
	if (guest->problems->len > 0)
		vk_mapping_check_keep(check, guest->name);
}

void vk_mapping_check_keep(VkMappingCheck *check, const char *guest)
{
	for (guint i = 0; i < check->configured->len;) {
		const VkMapping *entry = g_ptr_array_index(check->configured, i);

		if (strcmp(entry->guest, guest) == 0)
			g_ptr_array_add(check->right,
					g_ptr_array_steal_index(check->configured, i));
		else
			i++;
	}
}

char *vk_mapping_check_finish(VkMappingCheck *check)
{
	for (guint i = 0; i < check->configured->len; i++) {
		const VkMapping *entry = g_ptr_array_index(check->configured, i);

		g_ptr_array_add(check->wrong,
				g_strdup_printf("guest '%s': KVM_VM_MAPPING has '%s:%s', where no "
						"disk of it was found",
						entry->guest, entry->controller, entry->path));
	}
	return vk_mappings_format(check->right);
}
