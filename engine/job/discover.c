/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "discover.h"

#include "domain.h"
#include "errors.h"
#include "guest-tags.h"
#include "image-chain.h"
#include "selection.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void layer_free(VkFoundLayer *layer)
{
	g_free(layer->type);
	g_free(layer->format);
	g_free(layer->source);
	g_free(layer);
}

static void disk_free(VkFoundDisk *disk)
{
	g_free(disk->target);
	g_free(disk->bus);
	g_free(disk->device);
	g_free(disk->type);
	g_free(disk->format);
	g_free(disk->source);
	g_free(disk->path);
	vk_mount_facts_free(disk->mount);
	g_ptr_array_unref(disk->backing);
	g_free(disk);
}

static void firmware_free(VkFoundFirmware *firmware)
{
	g_free(firmware->path);
	g_free(firmware);
}

void vk_found_guest_free(VkFoundGuest *guest)
{
	if (!guest)
		return;
	g_free(guest->name);
	g_free(guest->uuid);
	g_strfreev(guest->tags);
	g_ptr_array_unref(guest->disks);
	g_clear_pointer(&guest->firmware, g_ptr_array_unref);
	g_ptr_array_unref(guest->passthrough);
	g_clear_pointer(&guest->foreign, g_ptr_array_unref);
	g_ptr_array_unref(guest->problems);
	g_free(guest);
}

gboolean vk_discover_is_local(const char *uri)
{
	const char *authority = strstr(uri, "://");

	return !authority || authority[3] == '/' || authority[3] == '\0';
}

gboolean vk_discover_check_local(const char *uri, GError **error)
{
	return vk_discover_is_local(uri) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "'%s' is another machine's libvirt: this is done on the machine of the "
		       "guests; run virtkeep there",
		       uri);
}

/* A search for the facts about one disk. */
typedef struct Search {
	VkHost *host;
	VkGuest *guest;
	VkMounts *mounts; /* nullable */
	VkFoundGuest *found;
	gboolean is_off;
	char *const *exclude; /* targets; nullable */
	const VkDomainDisk *disk;
} Search;

static const char *skip_reason(const Search *search)
{
	const char *reason = vk_disk_skip_reason(search->disk, search->exclude);

	return reason || !search->is_off ? reason : vk_domain_disk_offline_reason(search->disk);
}

/* Of disks that are not saved anyway, nothing needs to be known. Takes TROUBLE. */
static void note_problem(const Search *search, GError *trouble)
{
	if (!skip_reason(search))
		g_ptr_array_add(
			search->found->problems,
			g_strdup_printf("guest '%s': %s", search->found->name, trouble->message));
	g_error_free(trouble);
}

/* The path of the image on the host; NULL when it has none. New string. */
static char *image_path(const Search *search)
{
	const VkDomainImage *image = search->disk->image;
	GError *trouble = NULL;
	char *path;

	if (!image)
		return NULL;
	if (!image->pool)
		return g_strdup(image->path);
	path = vk_host_volume_path(search->host, image->pool, image->volume, &trouble);
	if (!path)
		note_problem(search, trouble);
	return path;
}

static void add_layers(VkFoundDisk *found, const GPtrArray *images)
{
	for (guint i = 0; i < images->len; i++) {
		const VkDomainImage *image = g_ptr_array_index(images, i);
		VkFoundLayer *layer = g_new0(VkFoundLayer, 1);

		layer->type = g_strdup(image->type);
		layer->format = g_strdup(image->format);
		layer->source = vk_domain_image_label(image);
		g_ptr_array_add(found->backing, layer);
	}
}

/*
 * The backing files, as the definition names them. If it does not, and the guest is off, the images
 * name them. A raw image has none.
 */
static void find_backing(const Search *search, VkFoundDisk *found)
{
	const VkDomainDisk *disk = search->disk;
	g_autoptr(GPtrArray) chain = NULL;
	GError *trouble = NULL;

	if (!disk->backing_known && search->mounts && found->path && !found->reason &&
	    !g_str_equal(vk_qemu_format(found->format), "raw")) {
		chain = vk_image_chain_new(search->host, disk, &trouble);
		if (!chain)
			note_problem(search, trouble);
	}
	if (chain)
		g_ptr_array_remove_index(chain, 0);
	add_layers(found, chain ? chain : disk->backing);
}

/* FALSE when the disk is out of reach: then nothing else about it can be found out, either. */
static gboolean find_size(const Search *search, VkFoundDisk *found)
{
	const VkDomainImage *image = search->disk->image;
	GError *trouble = NULL;

	if (search->disk->empty)
		return TRUE;
	if (search->is_off && image && image->pool)
		found->has_size = vk_host_volume_size(search->host, image->pool, image->volume,
						      &found->size, &found->allocation, &trouble);
	else
		found->has_size = vk_guest_disk_size(search->guest, found->target, &found->size,
						     &found->allocation, &trouble);
	if (!found->has_size)
		note_problem(search, trouble);
	return found->has_size;
}

static gboolean is_device(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode));
}

/* Devices lie on no file system, but for the one of /dev, which is of no interest. */
static void find_mount(const Search *search, VkFoundDisk *found)
{
	GError *trouble = NULL;

	if (!search->mounts || !found->path || g_str_equal(found->type, "block") ||
	    is_device(found->path))
		return;
	found->mount = vk_mounts_find(search->mounts, found->path, &trouble);
	if (!found->mount)
		note_problem(search, trouble);
}

/* TRUE when the image is missing, which is also noted as a problem. */
static gboolean is_missing(const Search *search, VkFoundDisk *found)
{
	GError *trouble = NULL;

	if (!search->mounts || !found->path || access(found->path, F_OK) == 0 || errno != ENOENT)
		return FALSE;
	found->missing = search->is_off;
	vk_fail(&trouble, VK_ERROR_NOT_FOUND, "the image '%s' of disk '%s' is not there%s",
		found->path, found->target,
		search->is_off
			? "; is its storage mounted?"
			: " any more, and only the guest still has it open: copy it before the "
			  "guest stops");
	note_problem(search, trouble);
	return TRUE;
}

static VkFoundDisk *find_disk(const Search *search)
{
	const VkDomainDisk *disk = search->disk;
	VkFoundDisk *found = g_new0(VkFoundDisk, 1);

	found->target = g_strdup(disk->target);
	found->bus = g_strdup(disk->bus);
	found->device = g_strdup(disk->device);
	found->reason = skip_reason(search);
	found->backing = g_ptr_array_new_with_free_func((GDestroyNotify)layer_free);
	if (disk->image) {
		found->type = g_strdup(disk->image->type);
		found->format = g_strdup(disk->image->format);
		found->encrypted = vk_domain_disk_is_encrypted(disk);
		found->source = vk_domain_image_label(disk->image);
	}
	found->path = image_path(search);
	if (!is_missing(search, found) && find_size(search, found)) {
		find_mount(search, found);
		find_backing(search, found);
	}
	return found;
}

static void add_firmware(VkFoundGuest *found, const char *role, char *path, gboolean is_local)
{
	VkFoundFirmware *firmware = g_new0(VkFoundFirmware, 1);
	struct stat status;

	firmware->role = role;
	firmware->path = path;
	firmware->has_size = is_local && lstat(path, &status) == 0 && S_ISREG(status.st_mode);
	if (firmware->has_size)
		firmware->size = (guint64)status.st_size;
	g_ptr_array_add(found->firmware, firmware);
}

static const char *agent_state(const VkDomain *domain, gboolean live)
{
	if (!live)
		return NULL;
	if (!domain->has_agent_channel)
		return "none";
	return domain->agent_connected ? "connected" : "disconnected";
}

VkFoundGuest *vk_discover_guest(VkHost *host, VkGuest *guest, VkMounts *mounts,
				const VkSettings *settings, GError **error)
{
	g_autoptr(VkGuestFacts) facts = vk_guest_get_facts(guest, error);
	g_autoptr(VkDomain) domain = NULL;
	g_autofree char *tpm_root = vk_host_tpm_directory(host);
	g_auto(GStrv) exclude = NULL, tags = NULL;

	if (facts)
		domain = vk_domain_parse(vk_guest_facts_present_xml(facts), error);
	tags = domain ? vk_guest_get_tags(guest, error) : NULL;
	if (!tags)
		return NULL;
	VkFoundGuest *found = g_new0(VkFoundGuest, 1);
	found->name = g_strdup(domain->name);
	found->uuid = g_strdup(domain->uuid);
	found->tags = g_steal_pointer(&tags);
	found->state = vk_guest_state_name(facts->state);
	found->persistent = facts->persistent;
	found->autostart = facts->autostart;
	found->agent = agent_state(domain, facts->live_xml != NULL);
	found->passthrough = g_ptr_array_ref(domain->passthrough);
	found->foreign = g_ptr_array_ref(domain->foreign);
	found->problems = g_ptr_array_new_with_free_func(g_free);
	found->firmware = g_ptr_array_new_with_free_func((GDestroyNotify)firmware_free);
	if (domain->nvram)
		add_firmware(found, "nvram", g_strdup(domain->nvram), mounts != NULL);
	if (domain->has_emulated_tpm)
		add_firmware(found, "tpm", g_build_filename(tpm_root, domain->uuid, NULL), FALSE);
	if (settings) {
		found->skip = vk_skip_reason(settings, domain->name, domain->uuid);
		exclude = vk_settings_get_guest_words(settings, domain->name, domain->uuid,
						      "exclude");
	}
	found->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_free);
	for (guint i = 0; i < domain->disks->len; i++) {
		const Search search = {
			.host = host,
			.guest = guest,
			.mounts = mounts,
			.found = found,
			.is_off = facts->state == VK_GUEST_OFF,
			.exclude = exclude,
			.disk = g_ptr_array_index(domain->disks, i),
		};

		g_ptr_array_add(found->disks, find_disk(&search));
	}
	return found;
}

const char *vk_found_disk_reason(const VkFoundDisk *disk)
{
	if (disk->reason)
		return disk->reason;
	return disk->missing ? "its image is missing" : NULL;
}

/* ---- for programs ---- */

static json_t *disk_to_json(const VkFoundDisk *disk)
{
	const VkMountFacts *mount = disk->mount;
	json_t *backing = json_array();

	for (guint i = 0; i < disk->backing->len; i++) {
		const VkFoundLayer *layer = g_ptr_array_index(disk->backing, i);

		json_array_append_new(backing,
				      json_pack("{s:o, s:o, s:o}", "type",
						vk_json_new_string(layer->type), "format",
						vk_json_new_string(layer->format), "source",
						vk_json_new_string(layer->source)));
	}
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "target", vk_json_new_string(disk->target), "bus",
		vk_json_new_string(disk->bus), "device", vk_json_new_string(disk->device), "format",
		vk_json_new_string(disk->format), "type", vk_json_new_string(disk->type), "source",
		vk_json_new_string(disk->source));
	json_object_set_new(object, "size",
			    disk->has_size ? vk_json_new_uint(disk->size) : json_null());
	json_object_set_new(object, "allocation",
			    disk->has_size ? vk_json_new_uint(disk->allocation) : json_null());
	json_object_set_new(object, "mountpoint",
			    vk_json_new_string(mount ? mount->mountpoint : NULL));
	json_object_set_new(object, "fstype", vk_json_new_string(mount ? mount->fstype : NULL));
	json_object_set_new(object, "mount_source",
			    vk_json_new_string(mount ? mount->source : NULL));
	json_object_set_new(object, "backing", backing);
	if (disk->encrypted)
		json_object_set_new(object, "encrypted", json_true());
	json_object_set_new(object, "saved", json_boolean(!vk_found_disk_reason(disk)));
	json_object_set_new(object, "reason", vk_json_new_string(vk_found_disk_reason(disk)));
	return object;
}

static json_t *texts_to_json(const GPtrArray *texts)
{
	json_t *array = json_array();

	for (guint i = 0; i < texts->len; i++)
		json_array_append_new(array, vk_json_new_string(g_ptr_array_index(texts, i)));
	return array;
}

json_t *vk_found_guest_to_json(const VkFoundGuest *guest)
{
	json_t *disks = json_array(), *firmware = json_array();

	for (guint i = 0; i < guest->disks->len; i++)
		json_array_append_new(disks, disk_to_json(g_ptr_array_index(guest->disks, i)));
	for (guint i = 0; i < guest->firmware->len; i++) {
		const VkFoundFirmware *found = g_ptr_array_index(guest->firmware, i);

		json_array_append_new(
			firmware, json_pack("{s:s, s:o, s:o}", "role", found->role, "path",
					    vk_json_new_string(found->path), "size",
					    found->has_size ? json_integer((json_int_t)found->size)
							    : json_null()));
	}
	return json_pack("{s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "guest",
			 vk_json_new_string(guest->name), "uuid", vk_json_new_string(guest->uuid),
			 "state", guest->state, "persistent", guest->persistent, "autostart",
			 guest->autostart, "agent", vk_json_new_string(guest->agent), "disks",
			 disks, "passthrough", texts_to_json(guest->passthrough), "foreign",
			 texts_to_json(guest->foreign), "firmware", firmware, "skip",
			 vk_json_new_string(guest->skip), "tags",
			 vk_json_new_strings((const char *const *)guest->tags));
}
