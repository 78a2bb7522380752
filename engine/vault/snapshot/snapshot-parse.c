/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of snapshot objects. Whatever is counted, indexed or used as a name is bounded here.
 */
#include "snapshot.h"

#include "pack-id.h"
#include "snapshot-json-priv.h"

#include "errors.h"
#include "json.h"
#include "timestamp.h"

#include <string.h>

/* Targets and file names become file names of the view, with a prefix or suffix: 255 at most. */
#define NAME_LENGTH_MAX 200
#define TPM_NAME_MAX    100u
#define SHA256_DIGITS   64u
#define FILE_MODE_MAX   07777
/* A page without pack ids has room for no more. */
#define PAGE_EXTENTS_MAX ((VK_PAGE_SIZE - sizeof(VkPageHeader)) / sizeof(VkPageExtent))

static const char *const consistencies[] = {"application", "filesystem", "crash", "offline", NULL};
static const char *const disk_modes[] = {"full", "compare", "incremental", "array", NULL};
static const char *const file_roles[] = {"nvram", "tpm", "boot", NULL};

static gboolean take_uint(const json_t *object, const char *key, guint64 min, guint64 max,
			  guint64 *ret, GError **error)
{
	guint64 value;

	if (!vk_json_uint(object, key, &value, error))
		return FALSE;
	if (value < min || value > max)
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "member '%s' is %" G_GUINT64_FORMAT ", not within %" G_GUINT64_FORMAT
			       " to %" G_GUINT64_FORMAT,
			       key, value, min, max);
	*ret = value;
	return TRUE;
}

static gboolean take_uint32(const json_t *object, const char *key, guint32 min, guint32 max,
			    guint32 *ret, GError **error)
{
	guint64 value;

	if (!take_uint(object, key, min, max, &value, error))
		return FALSE;
	*ret = (guint32)value;
	return TRUE;
}

static gboolean take_texts(const json_t *object, void *record, const VkTextMember *members,
			   GError **error)
{
	for (const VkTextMember *member = members; member->key; member++) {
		const json_t *value = json_object_get(object, member->key);
		const char *text;

		if (member->optional && (!value || json_is_null(value)))
			continue;
		if (!vk_json_string(object, member->key, &text, error))
			return FALSE;
		G_STRUCT_MEMBER(char *, record, member->offset) = g_strdup(text);
	}
	return TRUE;
}

static gboolean check_word(const char *key, const char *word, const char *const *known,
			   GError **error)
{
	if (g_strv_contains(known, word))
		return TRUE;
	return vk_fail(error, VK_ERROR_DAMAGE, "member '%s' is '%s', which is not a known %s", key,
		       word, key);
}

static gboolean is_name(const char *text)
{
	if (*text == '\0' || strlen(text) > NAME_LENGTH_MAX || strcmp(text, ".") == 0 ||
	    strcmp(text, "..") == 0)
		return FALSE;
	for (const char *at = text; *at; at++)
		if (*at == '/' || g_ascii_iscntrl(*at))
			return FALSE;
	return TRUE;
}

/* NAME must be usable as a file name and not be in SEEN yet, which borrows it. */
static gboolean check_name(const char *key, char *name, GHashTable *seen, GError **error)
{
	if (!is_name(name))
		return vk_fail(error, VK_ERROR_DAMAGE, "member '%s' cannot be a file name", key);
	if (!g_hash_table_add(seen, name))
		return vk_fail(error, VK_ERROR_DAMAGE, "'%s' is there twice", name);
	return TRUE;
}

/* BLOCKS from FIRST on are still free to name. */
static gboolean parse_segment(const json_t *object, guint64 first, guint64 blocks, VkSegment *ret,
			      GError **error)
{
	const char *pack;

	if (first >= blocks)
		return vk_fail(error, VK_ERROR_DAMAGE, "lies beyond the end of the image");
	if (!vk_json_string(object, "pack", &pack, error))
		return FALSE;
	if (!vk_pack_id_parse(pack, &ret->pack))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "member 'pack' is '%s', which is not a pack id", pack);
	return take_uint32(object, "pages", 1, VK_SEGMENT_PAGES_MAX, &ret->pages, error) &&
	       take_uint32(object, "slot", 0, VK_SLOTS_MAX - 1 - ret->pages, &ret->slot, error) &&
	       take_uint32(object, "first", (guint32)first, (guint32)(blocks - 1),
			   &ret->first_block, error) &&
	       take_uint32(object, "last", ret->first_block, (guint32)(blocks - 1),
			   &ret->last_block, error);
}

static VkRun *parse_run(const json_t *object, guint64 blocks, GError **error)
{
	g_autoptr(VkRun) run = vk_run_new();
	guint64 pages = 0, first = 0;
	json_t *segments, *item;
	gsize i;

	if (!vk_json_array(object, "segments", &segments, error))
		return NULL;
	if (json_array_size(segments) > VK_SEGMENTS_MAX) {
		vk_fail(error, VK_ERROR_DAMAGE, "has more than %u segments", VK_SEGMENTS_MAX);
		return NULL;
	}
	json_array_foreach (segments, i, item) {
		VkSegment segment;

		if (!parse_segment(item, first, blocks, &segment, error)) {
			g_prefix_error(error, "segment %zu: ", i);
			return NULL;
		}
		g_array_append_val(run->segments, segment);
		first = (guint64)segment.last_block + 1;
		pages += segment.pages;
	}
	if (!take_uint(object, "extents", pages, pages * PAGE_EXTENTS_MAX, &run->extents, error))
		return NULL;
	return g_steal_pointer(&run);
}

static gboolean parse_runs(const json_t *copy, VkImageRecord *image, guint64 blocks, GError **error)
{
	json_t *runs, *item;
	gsize i;

	if (!vk_json_array(copy, "runs", &runs, error))
		return FALSE;
	if (json_array_size(runs) > VK_RUNS_MAX)
		return vk_fail(error, VK_ERROR_DAMAGE, "has more than %u runs", VK_RUNS_MAX);
	json_array_foreach (runs, i, item) {
		VkRun *run = parse_run(item, blocks, error);

		if (!run) {
			g_prefix_error(error, "run %zu: ", i);
			return FALSE;
		}
		g_ptr_array_add(image->runs, run);
	}
	return TRUE;
}

/* The strings that name the array are the array's to check. */
static gboolean take_array_copy(const json_t *copy, VkImageRecord *image, GError **error)
{
	const char *array;

	if (!vk_json_string(copy, "array", &array, error))
		return FALSE;
	json_decref(image->array);
	image->array = json_deep_copy(copy);
	return TRUE;
}

static gboolean take_vault_copy(const json_t *copy, VkImageRecord *image, guint64 blocks,
				GError **error)
{
	if (image->runs)
		return vk_fail(error, VK_ERROR_DAMAGE, "has two copies in the vault");
	image->runs = vk_runs_new();
	if (parse_runs(copy, image, blocks, error))
		return TRUE;
	g_clear_pointer(&image->runs, g_ptr_array_unref);
	return FALSE;
}

static gboolean fail_other_copies(GError **error)
{
	return vk_fail(error, VK_ERROR_FAILED,
		       "has only copies of other kinds than this version of virtkeep can read; "
		       "use a newer one");
}

/* Copies of kinds that we do not know are passed over. */
static gboolean take_copies(const json_t *object, VkImageRecord *image, guint64 blocks,
			    GError **error)
{
	json_t *copies, *item;
	const char *kind;
	gsize i;

	if (!vk_json_array(object, "copies", &copies, error))
		return FALSE;
	json_array_foreach (copies, i, item) {
		if (!vk_json_string(item, "kind", &kind, error) ||
		    (strcmp(kind, VK_COPY_VAULT) == 0 &&
		     !take_vault_copy(item, image, blocks, error)) ||
		    (strcmp(kind, VK_COPY_ARRAY) == 0 && !take_array_copy(item, image, error)))
			return FALSE;
	}
	if (image->runs || image->array)
		return TRUE;
	if (json_array_size(copies) == 0)
		return vk_fail(error, VK_ERROR_DAMAGE, "has no copy");
	return fail_other_copies(error);
}

static gboolean take_size(const json_t *object, guint64 *ret_size, guint64 *ret_blocks,
			  GError **error)
{
	if (!take_uint(object, "size", 0, VK_IMAGE_SIZE_MAX, ret_size, error))
		return FALSE;
	*ret_blocks = (*ret_size + VK_BLOCK_SIZE - 1) >> VK_BLOCK_LOG2;
	return TRUE;
}

static VkImageRecord *parse_image(const json_t *object, GError **error)
{
	g_autoptr(VkImageRecord) image = NULL;
	guint64 size, blocks;

	if (!take_size(object, &size, &blocks, error))
		return NULL;
	image = vk_image_record_new_on_array(size, 0, NULL);
	if (!take_uint(object, "allocated", 0, blocks << VK_BLOCK_LOG2, &image->allocated, error) ||
	    !take_copies(object, image, blocks, error))
		return NULL;
	return g_steal_pointer(&image);
}

/* A number that older snapshots do not have. */
static gboolean take_later_uint(const json_t *object, const char *key, guint64 *ret, GError **error)
{
	return !json_object_get(object, key) || vk_json_uint(object, key, ret, error);
}

static gboolean take_later_bool(const json_t *object, const char *key, gboolean *ret,
				GError **error)
{
	return !json_object_get(object, key) || vk_json_bool(object, key, ret, error);
}

static gboolean parse_disk(const json_t *object, VkSnapshot *snapshot, GHashTable *seen,
			   GError **error)
{
	g_autoptr(VkDiskRecord) disk = vk_disk_record_new();

	if (!take_texts(object, disk, vk_disk_texts, error) ||
	    !check_name("target", disk->target, seen, error) ||
	    !check_word("mode", disk->mode, disk_modes, error) ||
	    !take_later_uint(object, "inode", &disk->inode, error) ||
	    !vk_json_uint(object, "read", &disk->read, error) ||
	    !vk_json_uint(object, "new", &disk->fresh, error) ||
	    !vk_json_uint(object, "stored", &disk->stored, error))
		return FALSE;
	disk->layout = json_incref(json_object_get(object, "layout"));
	if (disk->layout && !json_is_object(disk->layout))
		return vk_fail(error, VK_ERROR_DAMAGE, "the member 'layout' is not an object");
	disk->image = parse_image(object, error);
	if (!disk->image)
		return FALSE;
	g_ptr_array_add(snapshot->disks, g_steal_pointer(&disk));
	return TRUE;
}

static gboolean parse_file(const json_t *object, VkSnapshot *snapshot, GHashTable *seen,
			   GError **error)
{
	g_autoptr(VkFileRecord) file = vk_file_record_new();

	if (!take_texts(object, file, vk_file_texts, error) ||
	    !check_name("name", file->name, seen, error) ||
	    !check_word("role", file->role, file_roles, error) ||
	    !take_uint32(object, "mode", 0, FILE_MODE_MAX, &file->mode, error))
		return FALSE;
	file->image = parse_image(object, error);
	if (!file->image)
		return FALSE;
	/* Arrays take disks only. */
	if (!file->image->runs)
		return fail_other_copies(error);
	g_ptr_array_add(snapshot->files, g_steal_pointer(&file));
	return TRUE;
}

static gboolean parse_skip(const json_t *object, VkSnapshot *snapshot, GHashTable *seen,
			   GError **error)
{
	VkSkipRecord *skip = vk_skip_record_new(NULL, NULL);

	g_ptr_array_add(snapshot->skipped, skip);
	return take_texts(object, skip, vk_skip_texts, error);
}

typedef gboolean (*ParseItem)(const json_t *object, VkSnapshot *snapshot, GHashTable *seen,
			      GError **error);

static gboolean parse_list(const json_t *object, const char *key, ParseItem parse,
			   VkSnapshot *snapshot, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	json_t *list, *item;
	gsize i;

	if (!vk_json_array(object, key, &list, error))
		return FALSE;
	if (json_array_size(list) > VK_DISKS_MAX)
		return vk_fail(error, VK_ERROR_DAMAGE, "member '%s' has more than %u entries", key,
			       VK_DISKS_MAX);
	json_array_foreach (list, i, item) {
		if (!parse(item, snapshot, seen, error)) {
			g_prefix_error(error, "%s: entry %zu: ", key, i);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean vk_is_snapshot_id(const char *text)
{
	return strlen(text) == VK_SNAPSHOT_ID_LENGTH &&
	       strspn(text, "0123456789abcdef") == VK_SNAPSHOT_ID_LENGTH;
}

gboolean vk_is_tpm_state(const char *name)
{
	return g_str_has_prefix(name, "tpm") && strlen(name) <= TPM_NAME_MAX;
}

gboolean vk_uuid_is_stored_form(const char *text)
{
	/* GLib takes upper case too. */
	return g_uuid_string_is_valid(text) && strspn(text, "0123456789abcdef-") == strlen(text);
}

static gboolean check_chain(const VkSnapshot *snapshot, GError **error)
{
	const char *sum = snapshot->previous_sha256;

	if (snapshot->number > VK_CHAIN_NUMBER_MAX)
		return vk_fail(error, VK_ERROR_DAMAGE, "member 'number' is too large");
	if (snapshot->previous && !vk_is_snapshot_id(snapshot->previous))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "member 'previous' is '%s', not 16 hex digits", snapshot->previous);
	if ((snapshot->previous && !sum) ||
	    (sum &&
	     (strlen(sum) != SHA256_DIGITS || strspn(sum, "0123456789abcdef") != SHA256_DIGITS)))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "member 'previous_sha256' is not 64 hex digits");
	return TRUE;
}

static gboolean check_identity(const VkSnapshot *snapshot, GError **error)
{
	gint64 seconds;

	g_assert(snapshot->id);
	if (!vk_is_snapshot_id(snapshot->id))
		return vk_fail(error, VK_ERROR_DAMAGE, "member 'id' is '%s', not 16 hex digits",
			       snapshot->id);
	if (snapshot->parent && !vk_is_snapshot_id(snapshot->parent))
		return vk_fail(error, VK_ERROR_DAMAGE, "member 'parent' is '%s', not 16 hex digits",
			       snapshot->parent);
	if (!vk_uuid_is_stored_form(snapshot->uuid))
		return vk_fail(error, VK_ERROR_DAMAGE,
			       "member 'uuid' is '%s', which is not a lower-case uuid",
			       snapshot->uuid);
	if (!vk_time_parse(snapshot->time, &seconds, NULL))
		return vk_fail(error, VK_ERROR_DAMAGE, "member 'time' is '%s', which is not a time",
			       snapshot->time);
	if (*snapshot->name == '\0')
		return vk_fail(error, VK_ERROR_DAMAGE, "member 'name' is empty");
	return check_word("consistency", snapshot->consistency, consistencies, error);
}

static gboolean check_format(const json_t *object, GError **error)
{
	guint64 format = 0;

	if (!take_uint(object, "format", 1, G_MAXINT64, &format, error))
		return FALSE;
	if (format > VK_FORMAT_VERSION)
		return vk_fail(error, VK_ERROR_FAILED,
			       "has format %" G_GUINT64_FORMAT
			       ", this version of virtkeep knows %d; use a newer one",
			       format, VK_FORMAT_VERSION);
	return TRUE;
}

VkSnapshot *vk_snapshot_from_json(const json_t *object, GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_snapshot_new();

	g_clear_pointer(&snapshot->id, g_free);
	if (!check_format(object, error) ||
	    !take_texts(object, snapshot, vk_snapshot_texts, error) ||
	    !check_identity(snapshot, error) ||
	    !vk_json_uint(object, "pause_us", &snapshot->pause_usec, error) ||
	    !take_later_uint(object, "number", &snapshot->number, error) ||
	    !check_chain(snapshot, error) ||
	    !take_later_uint(object, "skew_us", &snapshot->skew_usec, error) ||
	    !take_later_uint(object, "duration_us", &snapshot->duration_usec, error) ||
	    !take_later_uint(object, "scratch", &snapshot->scratch, error) ||
	    !take_later_bool(object, "incomplete", &snapshot->incomplete, error) ||
	    !vk_json_bool(object, "persistent", &snapshot->persistent, error) ||
	    !vk_json_bool(object, "autostart", &snapshot->autostart, error) ||
	    !parse_list(object, "disks", parse_disk, snapshot, error) ||
	    !parse_list(object, "skipped", parse_skip, snapshot, error) ||
	    !parse_list(object, "files", parse_file, snapshot, error))
		return NULL;
	return g_steal_pointer(&snapshot);
}

/* One disk's later copy. */
static gboolean add_copy(VkSnapshot *snapshot, const json_t *item, GError **error)
{
	const char *target;
	VkDiskRecord *disk;
	guint64 size, blocks;

	if (!vk_json_string(item, "target", &target, error) ||
	    !take_size(item, &size, &blocks, error))
		return FALSE;
	disk = (VkDiskRecord *)(gsize)vk_snapshot_find_disk(snapshot, target);
	if (!disk || size != disk->image->size)
		return vk_fail(error, VK_ERROR_DAMAGE, "the snapshot has no such disk '%s'",
			       target);
	if (disk->image->runs)
		return TRUE;
	return take_uint(item, "allocated", 0, blocks << VK_BLOCK_LOG2, &disk->image->allocated,
			 error) &&
	       vk_json_uint(item, "read", &disk->read, error) &&
	       vk_json_uint(item, "new", &disk->fresh, error) &&
	       vk_json_uint(item, "stored", &disk->stored, error) &&
	       take_vault_copy(item, disk->image, blocks, error);
}

gboolean vk_snapshot_add_copies(VkSnapshot *snapshot, const json_t *object, GError **error)
{
	json_t *disks, *item;
	const char *id;
	gsize i;

	if (!check_format(object, error) || !vk_json_string(object, "id", &id, error) ||
	    !vk_json_array(object, "disks", &disks, error))
		return FALSE;
	if (strcmp(id, snapshot->id) != 0)
		return vk_fail(error, VK_ERROR_DAMAGE, "the copies are of the snapshot '%s'", id);
	json_array_foreach (disks, i, item)
		if (!add_copy(snapshot, item, error))
			return FALSE;
	return TRUE;
}
