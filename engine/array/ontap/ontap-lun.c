/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a multipath device of the host to the LUN behind it, by sysfs; and from a LUN to its device.
 * The vendor's tools are not needed.
 */
#include "child.h"
#include "errors.h"
#include "json.h"
#include "ontap-lun.h"
#include "ontap-path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The host's directory of devices; tests have another one. */
#define SYSFS_VARIABLE "VIRTKEEP_SYSFS"
#define DEV_VARIABLE   "VIRTKEEP_DEV"

#define MULTIPATH "mpath-"
#define SECTOR    512
#define FLUSH_SEC 30

/* A page of a SCSI device's vital product data begins with its code and the length of the rest. */
#define PAGE_HEADER 4
#define SERIAL_PAGE 0x80

const char *vk_ontap_sysfs(void)
{
	const char *given = g_getenv(SYSFS_VARIABLE);

	return given ? given : "/sys";
}

static const char *dev_root(void)
{
	const char *given = g_getenv(DEV_VARIABLE);

	return given ? given : "/dev";
}

gboolean vk_ontap_is_device(const char *resolved, const struct stat *info)
{
	const char *given = g_getenv(DEV_VARIABLE);

	return S_ISBLK(info->st_mode) || (given && g_str_has_prefix(resolved, given));
}

/* What a file of sysfs says. New string; NULL: it is not there. */
static char *read_word(const char *device, const char *name)
{
	g_autofree char *path = g_build_filename(vk_ontap_sysfs(), "block", device, name, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

GPtrArray *vk_ontap_paths(const char *device)
{
	g_autofree char *directory =
		g_build_filename(vk_ontap_sysfs(), "block", device, "slaves", NULL);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_ptr_array_add(paths, g_strdup(name));
	return paths;
}

static gboolean fail_device(const char *uuid, GError **error)
{
	if (!uuid)
		return vk_fail(error, VK_ERROR_NOT_FOUND, "it is not a multipath device");
	if (g_str_has_prefix(uuid, "LVM-"))
		return vk_fail(
			error, VK_ERROR_NOT_FOUND,
			"it is a logical volume, whose volume group may lie on several LUNs");
	if (g_str_has_prefix(uuid, "part"))
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "it is a partition of a LUN, and others "
			       "may be in use by somebody else");
	return vk_fail(error, VK_ERROR_NOT_FOUND, "it is not a multipath device itself, but '%s'",
		       uuid);
}

/* Each path's own word for the serial number: page 0x80 as the device sent it. */
static gboolean check_path(const char *path, const char *serial, gboolean *ret_confirmed,
			   GError **error)
{
	g_autofree char *file =
		g_build_filename(vk_ontap_sysfs(), "block", path, "device", "vpd_pg80", NULL);
	g_autofree char *page = NULL;
	gsize length = 0;

	if (!g_file_get_contents(file, &page, &length, NULL))
		return TRUE;
	if (length < PAGE_HEADER + VK_ONTAP_SERIAL_LENGTH || (guchar)page[1] != SERIAL_PAGE ||
	    (gsize)(((guchar)page[2] << 8) + (guchar)page[3]) != VK_ONTAP_SERIAL_LENGTH ||
	    memcmp(page + PAGE_HEADER, serial, VK_ONTAP_SERIAL_LENGTH) != 0)
		return vk_fail(error, VK_ERROR_FAILED,
			       "its path '%s' leads to another LUN than its WWID says", path);
	*ret_confirmed = TRUE;
	return TRUE;
}

static gboolean check_paths(const char *device, const char *serial, GError **error)
{
	g_autoptr(GPtrArray) paths = vk_ontap_paths(device);
	gboolean is_confirmed = FALSE;

	for (guint i = 0; i < paths->len; i++)
		if (!check_path(g_ptr_array_index(paths, i), serial, &is_confirmed, error))
			return FALSE;
	return is_confirmed || vk_fail(error, VK_ERROR_FAILED,
				       "none of its paths gives the serial number of its LUN");
}

static const json_t *match_serial(const json_t *luns, const char *serial, GError **error)
{
	const json_t *found = NULL;
	gsize index;
	json_t *lun;

	json_array_foreach (luns, index, lun) {
		if (g_strcmp0(vk_json_optional_string(lun, "serial_number"), serial) != 0)
			continue;
		if (found) {
			vk_fail(error, VK_ERROR_FAILED,
				"'%s' and '%s' of the array have the same serial number: set svm "
				"in its section",
				vk_json_optional_string(found, "name"),
				vk_json_optional_string(lun, "name"));
			return NULL;
		}
		found = lun;
	}
	if (!found)
		vk_fail(error, VK_ERROR_NOT_FOUND, "its LUN is on another array");
	return found;
}

static gboolean has_size(const char *device, const json_t *lun, guint64 *ret_size)
{
	g_autofree char *sectors = read_word(device, "size");
	const json_t *size = json_object_get(json_object_get(lun, "space"), "size");

	*ret_size = sectors ? g_ascii_strtoull(sectors, NULL, 10) * SECTOR : 0;
	return *ret_size && *ret_size == (guint64)json_integer_value(size);
}

/* The volume of the LUN, and the LUN's path in it. */
static gboolean fill_place(VkOntap *ontap, const json_t *lun, VkOntapPlace *ret, GError **error)
{
	const json_t *of = json_object_get(json_object_get(lun, "location"), "volume");
	const char *uuid = vk_json_optional_string(of, "uuid");
	const char *volume = vk_json_optional_string(of, "name");
	const char *svm = vk_json_nested_string(lun, "svm", "name");
	const char *name = vk_json_optional_string(lun, "name");
	g_autofree char *prefix = g_strdup_printf("/vol/%s/", volume ? volume : "");
	g_autofree char *url = vk_ontap_url("/api/storage/volumes", "uuid", uuid ? uuid : "",
					    "fields", "uuid,name,state,type,style", NULL);
	g_autoptr(json_t) volumes = NULL;
	const json_t *record;

	if (!uuid || !volume || !svm || !name || !g_uuid_string_is_valid(uuid) ||
	    !g_str_has_prefix(name, prefix))
		return vk_fail(error, VK_ERROR_FAILED, "the array did not say where its LUN is");
	volumes = vk_ontap_known_list(ontap, url, VK_ONTAP_KNOWN_SEC, error);
	record = json_array_get(volumes, 0);
	if (!volumes || !vk_ontap_check_volume(record, error))
		return FALSE;
	ret->svm = g_strdup(svm);
	ret->volume = g_strdup(uuid);
	ret->volume_name = g_strdup(volume);
	ret->path = g_strdup(name + strlen(prefix));
	ret->lun = g_strdup(vk_json_optional_string(lun, "uuid"));
	return (ret->lun && g_uuid_string_is_valid(ret->lun)) ||
	       vk_fail(error, VK_ERROR_FAILED, "the array did not send the uuid of its LUN");
}

/* The LUN of a device in a list that is not older than OLDEST_SEC. */
static gboolean locate_among(VkOntap *ontap, const char *device, const char *serial,
			     guint oldest_sec, VkOntapPlace *ret, GError **error)
{
	g_autofree char *url = vk_ontap_url(
		"/api/storage/luns", "svm.name", ontap->svm ? ontap->svm : "!null", "fields",
		"uuid,name,serial_number,space.size,svm.name,location.volume", NULL);
	g_autoptr(json_t) luns = vk_ontap_known_list(ontap, url, oldest_sec, error);
	/* Serial numbers have letters that mean something in queries. */
	const json_t *lun = luns ? match_serial(luns, serial, error) : NULL;

	if (!lun || !check_paths(device, serial, error))
		return FALSE;
	if (has_size(device, lun, &ret->size))
		return fill_place(ontap, lun, ret, error);
	/* It may have been resized since the list was made. */
	if (oldest_sec)
		return locate_among(ontap, device, serial, 0, ret, error);
	return vk_fail(error, VK_ERROR_FAILED,
		       "its size differs from that of the LUN '%s': rescan it after a resize",
		       vk_json_optional_string(lun, "name"));
}

gboolean vk_ontap_locate_lun(VkOntap *ontap, const char *resolved, VkOntapPlace *ret,
			     GError **error)
{
	g_autofree char *device = g_path_get_basename(resolved);
	g_autofree char *uuid = read_word(device, "dm/uuid");
	char serial[VK_ONTAP_SERIAL_LENGTH + 1];

	if (!uuid || !g_str_has_prefix(uuid, MULTIPATH))
		return fail_device(uuid, error);
	if (!vk_ontap_serial_of_wwid(uuid + strlen(MULTIPATH), serial))
		return vk_fail(error, VK_ERROR_NOT_FOUND, "it is not a LUN of ONTAP");
	return locate_among(ontap, device, serial, VK_ONTAP_KNOWN_SEC, ret, error);
}

/* New string; NULL: the host has none, or not yet. */
char *vk_ontap_find_device(const char *serial)
{
	g_autofree char *wwid = vk_ontap_wwid_of_serial(serial);
	g_autofree char *wanted = g_strconcat(MULTIPATH, wwid, NULL);
	g_autofree char *directory = g_build_filename(vk_ontap_sysfs(), "block", NULL);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *uuid = read_word(name, "dm/uuid");
		g_autofree char *path = g_build_filename(dev_root(), name, NULL);

		if (g_strcmp0(uuid, wanted) == 0 && g_file_test(path, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&path);
	}
	return NULL;
}

static void write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* The devices show whether it had an effect. */
	if (write(fd, word, strlen(word)) < 0)
		g_debug("'%s' is not writable", path);
	close(fd);
}

void vk_ontap_scan_hosts(void)
{
	g_autofree char *directory = g_build_filename(vk_ontap_sysfs(), "class", "scsi_host", NULL);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, "scan", NULL);

		write_word(path, "- - -");
	}
}

void vk_ontap_forget_device(const char *path)
{
	g_autofree char *device = g_path_get_basename(path);
	g_autoptr(GPtrArray) paths = vk_ontap_paths(device);
	const char *argv[] = {"multipath", "-f", path, NULL};
	g_autofree char *output = vk_child_run(argv, FLUSH_SEC, NULL);

	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *file =
			g_build_filename(vk_ontap_sysfs(), "block", g_ptr_array_index(paths, i),
					 "device", "delete", NULL);

		write_word(file, "1");
	}
}
