/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One file of a snapshot brought back within its volume, in O(1). The array makes it under a name
 * of its own, and we put it into place: whatever comes in between, the old file is whole, or the
 * new one. A volume is never reverted.
 */
#include "errors.h"
#include "io.h"
#include "log.h"
#include "new-file.h"
#include "ontap-lun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is brought back, and where to: paths of the volume, without a slash at their beginning. */
typedef struct Restore {
	VkOntap *ontap;
	const VkOntapStored *layer;
	char *to;
} Restore;

typedef gboolean (*Way)(const Restore *restore, GError **error);

static gboolean change(const Restore *restore, const char *method, const char *url, json_t *body,
		       GError **error)
{
	g_auto(VkOntapReply) reply = {0};

	return vk_ontap_change(restore->ontap->rest, method, url, body, 0, &reply, error);
}

/* A clone of a file. */
static gboolean by_clone(const Restore *restore, GError **error)
{
	const VkOntapStored *layer = restore->layer;
	g_autofree char *url = vk_ontap_url("/api/storage/file/clone", VK_ONTAP_AT_ONCE, NULL);
	g_autofree char *from = g_strdup_printf("./.snapshot/%s/%s", layer->snapshot, layer->path);

	return change(restore, "POST", url,
		      json_pack("{s:{s:s, s:s}, s:s, s:s}", "volume", "uuid", layer->volume, "name",
				layer->volume_name, "source_path", from, "destination_path",
				restore->to),
		      error);
}

/*
 * SnapRestore of one file. The same call without a path reverts the whole volume: nothing else
 * makes its URL.
 */
static gboolean by_restore(const Restore *restore, GError **error)
{
	const VkOntapStored *layer = restore->layer;
	g_autofree char *volume = g_strconcat("/api/storage/volumes/", layer->volume, NULL);
	g_autofree char *from = g_strconcat("/", layer->path, NULL);
	g_autofree char *to = g_strconcat("/", restore->to, NULL);
	g_autofree char *url =
		vk_ontap_url(volume, "restore_to.snapshot.name", layer->snapshot, "restore_to.path",
			     from, "restore_to.restore_path", to, VK_ONTAP_AT_ONCE, NULL);

	g_assert(*layer->snapshot && *layer->path && *restore->to);
	g_assert(strstr(url, "restore_to.path=%2F") && strstr(url, "restore_to.restore_path=%2F"));
	return change(restore, "PATCH", url, NULL, error);
}

/* The same as a command of the array, for roles that have only that. */
static gboolean by_command(const Restore *restore, GError **error)
{
	const VkOntapStored *layer = restore->layer;
	g_autofree char *from = g_strconcat("/", layer->path, NULL);
	g_autofree char *to = g_strconcat("/", restore->to, NULL);

	return change(restore, "POST", "/api/private/cli/volume/snapshot/restore-file",
		      json_pack("{s:s, s:s, s:s, s:s, s:s}", "vserver", layer->svm, "volume",
				layer->volume_name, "snapshot", layer->snapshot, "path", from,
				"restore_path", to),
		      error);
}

/* Gives it the place of PATH, and its owner and mode. */
static gboolean put_in_place(const Restore *restore, const char *made, const char *path,
			     GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);
	VK_AUTOFD fd = vk_io_open(AT_FDCWD, made, O_RDWR | O_NOFOLLOW, 0, error);
	struct stat old, new;

	if (fd < 0)
		return FALSE;
	if (fstat(fd, &new) < 0 || stat(path, &old) < 0)
		return vk_fail_errno(error, errno, "cannot examine '%s'", path);
	if (!S_ISREG(new.st_mode) || (guint64) new.st_size != restore->layer->size)
		return vk_fail(error, VK_ERROR_FAILED, "the array made '%s' of a wrong size", made);
	if (fchown(fd, old.st_uid, old.st_gid) < 0 || fchmod(fd, old.st_mode & 0777) < 0 ||
	    vk_io.fsync(fd) < 0 || vk_io.renameat2(AT_FDCWD, made, AT_FDCWD, path, 0) < 0)
		return vk_fail_errno(error, errno, "cannot put '%s' into the place of '%s'", made,
				     path);
	return vk_io_sync_dir(AT_FDCWD, directory, error);
}

/* Beside PATH. By the dot and the mark people know what it is. New string. */
static char *temporary_name(const char *path, guint32 number)
{
	g_autofree char *base = g_path_get_basename(path);
	const char *slash = strrchr(path, '/');

	return g_strdup_printf("%.*s.%s" VK_NEW_FILE_MARK "%08x",
			       slash ? (int)(slash + 1 - path) : 0, path, base, number);
}

/* A fresh name for each way: one that comes late does not harm another. */
static gboolean go(Restore *restore, Way way, const char *path, const char *inside, GError **error)
{
	guint32 number = g_random_int();
	g_autofree char *made = temporary_name(path, number);
	gboolean ok;

	restore->to = temporary_name(inside, number);
	ok = way(restore, error) && put_in_place(restore, made, path, error);
	if (!ok)
		vk_io.unlinkat(AT_FDCWD, made, 0);
	g_clear_pointer(&restore->to, g_free);
	return ok;
}

gboolean vk_ontap_can_clone(VkArray *array, const json_t *copy, guint number, const char *path)
{
	VkOntap *ontap = (VkOntap *)array;
	g_autofree char *resolved = realpath(path, NULL);
	g_auto(VkOntapPlace) place = {0};
	VkOntapStored layer;
	struct stat info;

	if (!resolved || stat(resolved, &info) < 0 ||
	    !vk_ontap_read_layer(copy, number, &layer, NULL))
		return FALSE;
	if (vk_ontap_is_device(resolved, &info))
		return vk_ontap_locate_lun(ontap, resolved, &place, NULL) &&
		       g_strcmp0(place.lun, layer.lun) == 0 && place.size == layer.size;
	return !layer.lun && vk_ontap_locate(ontap, resolved, &place, NULL) &&
	       strcmp(place.volume, layer.volume) == 0;
}

/* A device is overwritten in place, if it is the LUN that was taken. */
static gboolean restore_device(VkOntap *ontap, const VkOntapStored *layer, const char *path,
			       gboolean *ret_done, GError **error)
{
	g_auto(VkOntapPlace) place = {0};
	g_autoptr(GError) trouble = NULL;
	VK_AUTOFD fd = -1;

	if (!vk_ontap_locate_lun(ontap, path, &place, &trouble)) {
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	/*
	 * One that was resized since would get its old size back, which the host does not expect.
	 */
	if (g_strcmp0(place.lun, layer->lun) != 0 || place.size != layer->size)
		return TRUE;
	*ret_done = vk_ontap_restore_lun(ontap, layer, error);
	/* What the host had read of it is old. */
	fd = *ret_done ? vk_io_open_storage(path, O_RDONLY, error) : -1;
	if (fd >= 0)
		ioctl(fd, BLKFLSBUF, 0);
	return fd >= 0;
}

gboolean vk_ontap_clone(VkArray *array, const json_t *copy, guint number, const char *path,
			gboolean *ret_done, GError **error)
{
	static const Way ways[] = {by_clone, by_restore, by_command};
	g_auto(VkOntapPlace) place = {0};
	g_autofree char *resolved = realpath(path, NULL);
	g_autoptr(GError) trouble = NULL;
	VkOntapStored layer;
	Restore restore = {.ontap = (VkOntap *)array, .layer = &layer};
	struct stat info;

	*ret_done = FALSE;
	if (!vk_ontap_read_layer(copy, number, &layer, error))
		return FALSE;
	if (!resolved || stat(resolved, &info) < 0)
		return vk_fail_errno(error, errno, "cannot find '%s'", path);
	if (vk_ontap_is_device(resolved, &info))
		return restore_device(restore.ontap, &layer, resolved, ret_done, error);
	/* Whatever is in the way here, the file can be copied. */
	if (!vk_ontap_locate(restore.ontap, resolved, &place, &trouble) ||
	    strcmp(place.volume, layer.volume) != 0 || layer.lun) {
		vk_log_debug("'%s' is out of the array's reach: %s", path,
			     trouble ? trouble->message : "another volume");
		return TRUE;
	}
	for (guint i = 0; !*ret_done && i < G_N_ELEMENTS(ways); i++) {
		g_autoptr(GError) failure = NULL;

		/* By PATH, whose directory its owner may have moved since it was resolved. */
		*ret_done = go(&restore, ways[i], path, place.path, &failure);
		if (!*ret_done)
			vk_log_debug("'%s': %s", path, failure->message);
	}
	return TRUE;
}
