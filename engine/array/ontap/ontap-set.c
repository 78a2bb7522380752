/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One snapshot of all volumes of a set. Volumes of one SVM are fenced together where they can be
 * in one consistency group; else they are taken one after another, and agree because the guests are
 * held. What is slow is done before.
 */
#include "errors.h"
#include "io.h"
#include "json.h"
#include "ontap-group.h"
#include "ontap-layer.h"
#include "ontap-priv.h"
#include "ontap-snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* For each step while guests are held. */
#define SNAP_SECONDS 30
/* For what lets them go on, however late it is. */
#define LIFT_SECONDS 5

typedef struct Volume {
	VkOntapPlace *place; /* borrowed */
	GHashTable *users;   /* the uuids of the members that may still keep it */
	gboolean is_tried;   /* the array may have its snapshot */
	gboolean is_kept;    /* a listed snapshot needs it */
	gboolean is_marked;  /* as listed */
	gboolean is_grouped; /* else it is taken alone */
} Volume;

/* A layer of a disk: what its file was at the instant. */
typedef struct File {
	VkSetDisk *disk;
	const VkOntapLayer *layer;
	int fd;
	struct stat info;
} File;

typedef struct OntapPart {
	VkSetPart base;
	char *name, *vault_id;
	json_t *body;        /* of the requests */
	GHashTable *volumes; /* uuid -> Volume */
	GPtrArray *groups;   /* VkOntapGroup */
	GPtrArray *files;    /* File */
} OntapPart;

static VkOntap *ontap_of(const OntapPart *part)
{
	return (VkOntap *)part->base.array;
}

static void volume_free(gpointer data)
{
	Volume *volume = data;

	g_hash_table_unref(volume->users);
	g_free(volume);
}

static void file_free(gpointer data)
{
	File *file = data;

	vk_io_clear_fd(&file->fd);
	g_free(file);
}

static void add_user(OntapPart *part, VkOntapPlace *place, const char *uuid)
{
	Volume *volume = g_hash_table_lookup(part->volumes, place->volume);

	if (!volume) {
		volume = g_new0(Volume, 1);
		volume->place = place;
		volume->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_insert(part->volumes, place->volume, volume);
	}
	g_hash_table_add(volume->users, g_strdup(uuid));
}

static void flush(const File *file)
{
	if (vk_io.fdatasync(file->fd) < 0)
		vk_fail_errno(&file->disk->trouble, errno, "cannot write back '%s'",
			      file->layer->original);
}

/* What is written back now need not be while the guests are held. */
static void add_file(OntapPart *part, VkSetDisk *disk, const VkOntapLayer *layer)
{
	File *file = g_new0(File, 1);

	file->disk = disk;
	file->layer = layer;
	file->fd = vk_io_open_storage(layer->original, O_RDONLY, &disk->trouble);
	g_ptr_array_add(part->files, file);
	if (file->fd >= 0)
		flush(file);
}

static void add_disks(OntapPart *part, const GPtrArray *disks)
{
	for (guint i = 0; i < disks->len; i++) {
		VkSetDisk *disk = g_ptr_array_index(disks, i);
		const VkOntapDisk *where = (const VkOntapDisk *)disk->disk;

		for (guint k = 0; !disk->trouble && k < where->layers->len; k++) {
			VkOntapLayer *layer = g_ptr_array_index(where->layers, k);

			add_user(part, &layer->place, disk->uuid);
			add_file(part, disk, layer);
		}
	}
}

/* The comment names the guest if there is only one. */
static json_t *make_body(const OntapPart *part, const GPtrArray *disks, const char *label)
{
	const VkSetDisk *first = g_ptr_array_index(disks, 0);
	gboolean is_only = TRUE;
	g_autofree char *comment = NULL;
	json_t *body;

	for (guint i = 1; i < disks->len; i++) {
		const VkSetDisk *disk = g_ptr_array_index(disks, i);

		is_only = is_only && strcmp(disk->uuid, first->uuid) == 0;
	}
	comment = vk_ontap_comment(part->vault_id, is_only ? first->uuid : NULL, first->id, TRUE);
	body = json_pack("{s:s, s:s}", "name", part->name, "comment", comment);
	if (label)
		json_object_set_new(body, "snapmirror_label", vk_json_new_string(label));
	return body;
}

/* The places of the volumes of each SVM: name -> GPtrArray of VkOntapPlace, borrowed. */
static GHashTable *sort_by_svm(const OntapPart *part)
{
	GHashTable *sorted = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
						   (GDestroyNotify)g_ptr_array_unref);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Volume *volume = value;
		GPtrArray *places = g_hash_table_lookup(sorted, volume->place->svm);

		if (!places) {
			places = g_ptr_array_new();
			g_hash_table_insert(sorted, volume->place->svm, places);
		}
		g_ptr_array_add(places, volume->place);
	}
	return sorted;
}

static gboolean form_groups(OntapPart *part, GError **error)
{
	g_autoptr(GHashTable) sorted = sort_by_svm(part);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, sorted);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const GPtrArray *places = value;
		VkOntapGroup *group = NULL;

		if (!vk_ontap_group_form(ontap_of(part), places, part->name, &group, error))
			return FALSE;
		if (!group)
			continue;
		g_ptr_array_add(part->groups, group);
		for (guint i = 0; i < places->len; i++) {
			const VkOntapPlace *place = g_ptr_array_index(places, i);
			Volume *volume = g_hash_table_lookup(part->volumes, place->volume);

			volume->is_grouped = TRUE;
		}
	}
	return TRUE;
}

VkSetPart *vk_ontap_prepare(VkArray *array, const char *vault_id, const char *label,
			    const GPtrArray *disks, GError **error)
{
	OntapPart *part = g_new0(OntapPart, 1);

	part->base.array = array;
	part->name = vk_ontap_new_name(vault_id);
	part->vault_id = g_strdup(vault_id);
	part->body = make_body(part, disks, label);
	part->volumes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, volume_free);
	part->groups = g_ptr_array_new_with_free_func((GDestroyNotify)vk_ontap_group_free);
	part->files = g_ptr_array_new_with_free_func(file_free);
	add_disks(part, disks);
	if (form_groups(part, error))
		return &part->base;
	vk_ontap_part_free(&part->base);
	return NULL;
}

static gboolean is_held(const Volume *volume, GHashTable *members)
{
	GHashTableIter iter;
	gpointer uuid;

	g_hash_table_iter_init(&iter, volume->users);
	while (g_hash_table_iter_next(&iter, &uuid, NULL))
		if (g_hash_table_contains(members, uuid))
			return TRUE;
	return FALSE;
}

static void flush_files(const OntapPart *part, GHashTable *members)
{
	for (guint i = 0; i < part->files->len; i++) {
		const File *file = g_ptr_array_index(part->files, i);

		if (!file->disk->trouble && g_hash_table_contains(members, file->disk->uuid))
			flush(file);
	}
}

/* What the files are at the instant. */
static void examine_files(const OntapPart *part)
{
	for (guint i = 0; i < part->files->len; i++) {
		File *file = g_ptr_array_index(part->files, i);

		if (!file->disk->trouble && fstat(file->fd, &file->info) < 0)
			vk_fail_errno(&file->disk->trouble, errno, "cannot examine '%s'",
				      file->layer->original);
	}
}

static gboolean snap_groups(OntapPart *part, gint64 deadline, GError **error)
{
	GHashTableIter iter;
	gpointer value;
	gboolean ok = TRUE;
	guint started = 0;

	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Volume *volume = value;

		volume->is_tried = volume->is_grouped;
	}
	/* All are fenced before the first one is let go, and none stays so when another fails. */
	for (; ok && started < part->groups->len; started++)
		ok = vk_ontap_group_start(g_ptr_array_index(part->groups, started), part->body,
					  deadline, error);
	deadline = MAX(deadline, g_get_monotonic_time() + (gint64)LIFT_SECONDS * G_USEC_PER_SEC);
	for (guint i = 0; i < started; i++)
		ok = vk_ontap_group_commit(g_ptr_array_index(part->groups, i), deadline,
					   ok ? error : NULL) &&
		     ok;
	return ok;
}

static gboolean snap_alone(OntapPart *part, GHashTable *members, gint64 deadline, GError **error)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Volume *volume = value;

		if (volume->is_grouped || !is_held(volume, members))
			continue;
		volume->is_tried = TRUE;
		if (!vk_ontap_take_snapshot(ontap_of(part), volume->place->volume, part->body,
					    deadline, error)) {
			g_prefix_error(error, "volume '%s': ", volume->place->volume_name);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean vk_ontap_snap(VkSetPart *base, GHashTable *members, gint64 deadline, GError **error)
{
	OntapPart *part = (OntapPart *)base;

	deadline = MIN(deadline, vk_ontap_deadline(ontap_of(part)->rest, SNAP_SECONDS));
	flush_files(part, members);
	if (!snap_groups(part, deadline, error) || !snap_alone(part, members, deadline, error))
		return FALSE;
	examine_files(part);
	return TRUE;
}

/* The array has to list what it said it took, with the comment of virtkeep. */
static gboolean settle_volume(OntapPart *part, const Volume *volume, GError **error)
{
	g_autoptr(json_t) found = NULL;
	g_autoptr(json_t) rest = NULL;

	if (!vk_ontap_find_snapshot(ontap_of(part), volume->place->volume, part->name, 0, &found,
				    error))
		return FALSE;
	if (!found)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the volume '%s' has no snapshot '%s', though the array said so",
			       volume->place->volume_name, part->name);
	if (json_equal(json_object_get(found, "comment"), json_object_get(part->body, "comment")))
		return TRUE;
	/* What a group's snapshot was given need not have come down to the volumes. */
	rest = json_copy(part->body);
	json_object_del(rest, "name");
	return vk_ontap_change_snapshot(ontap_of(part), volume->place->volume, found, rest, error);
}

gboolean vk_ontap_settle(VkSetPart *base, GError **error)
{
	OntapPart *part = (OntapPart *)base;
	GHashTableIter iter;
	gpointer value;

	for (guint i = 0; i < part->groups->len; i++)
		if (!vk_ontap_group_settle(g_ptr_array_index(part->groups, i), error))
			return FALSE;
	g_ptr_array_set_size(part->groups, 0);
	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Volume *volume = value;

		if (volume->is_tried && !settle_volume(part, volume, error))
			return FALSE;
	}
	for (guint i = 0; i < part->files->len; i++) {
		File *file = g_ptr_array_index(part->files, i);

		vk_io_clear_fd(&file->fd);
	}
	return TRUE;
}

json_t *vk_ontap_part_copy(VkSetPart *base, const VkSetDisk *disk)
{
	OntapPart *part = (OntapPart *)base;
	json_t *layers = json_array();

	for (guint i = 0; i < part->files->len; i++) {
		const File *file = g_ptr_array_index(part->files, i);
		const Volume *volume =
			g_hash_table_lookup(part->volumes, file->layer->place.volume);

		if (file->disk == disk)
			json_array_append_new(layers, vk_ontap_layer_to_json(
							      file->layer, part->name,
							      volume->is_grouped ? VK_ONTAP_BY_GROUP
										 : VK_ONTAP_ALONE,
							      &file->info));
	}
	return json_pack("{s:o}", "layers", layers);
}

static gboolean mark_listed(OntapPart *part, Volume *volume, GError **error)
{
	g_autoptr(json_t) handle = vk_ontap_handle(volume->place->volume, part->name);

	volume->is_marked =
		volume->is_marked || vk_ontap_set_listed(part->base.array, handle, TRUE, error);
	return volume->is_marked;
}

gboolean vk_ontap_keep(VkSetPart *base, const char *uuid, GError **error)
{
	OntapPart *part = (OntapPart *)base;
	GHashTableIter iter;
	gpointer value;
	gboolean ok = TRUE;

	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Volume *volume = value;

		if (!g_hash_table_contains(volume->users, uuid))
			continue;
		volume->is_kept = TRUE;
		ok = ok && mark_listed(part, volume, error);
	}
	return ok;
}

static void drop(OntapPart *part, Volume *volume)
{
	if (volume->is_tried && !volume->is_kept)
		volume->is_tried = !vk_ontap_drop_snapshot(ontap_of(part), volume->place->volume,
							   part->name, NULL);
}

void vk_ontap_leave(VkSetPart *base, const char *uuid)
{
	OntapPart *part = (OntapPart *)base;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Volume *volume = value;

		if (g_hash_table_remove(volume->users, uuid) &&
		    g_hash_table_size(volume->users) == 0)
			drop(part, volume);
	}
}

void vk_ontap_part_free(VkSetPart *base)
{
	OntapPart *part = (OntapPart *)base;
	GHashTableIter iter;
	gpointer value;

	g_ptr_array_unref(part->groups);
	g_hash_table_iter_init(&iter, part->volumes);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		drop(part, value);
	g_hash_table_unref(part->volumes);
	g_ptr_array_unref(part->files);
	json_decref(part->body);
	g_free(part->name);
	g_free(part->vault_id);
	g_free(part);
}
