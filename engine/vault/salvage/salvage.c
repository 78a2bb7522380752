/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "salvage.h"

#include "catalog.h"
#include "errors.h"
#include "interrupt.h"
#include "io.h"
#include "log.h"
#include "mark.h"
#include "pack-keys.h"
#include "pack-name.h"
#include "read-lease.h"
#include "timestamp.h"
#include "vault-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The last one that a name can say, since 1970: 99991231T235959Z. */
#define LAST_SECOND G_GUINT64_CONSTANT(253402300799)

/* A session, by its packs. */
typedef struct Backup {
	VkPackId session;
	gint64 created; /* its first pack, seconds since 1970 */
	GArray *packs;  /* VkPackId */
	gboolean is_needed;
} Backup;

typedef struct Image {
	VkSalvaged *salvaged; /* borrowed */
	int fd;               /* -1: a dry run */
} Image;

typedef struct Salvage {
	VkVault *vault;
	GHashTable *backups; /* VkPackId, in the Backup -> Backup */
	int directory;       /* -1: a dry run */
	VkSalvageResult *result;
} Salvage;

static void salvaged_free(gpointer data)
{
	VkSalvaged *salvaged = data;

	g_free(salvaged->name);
	g_free(salvaged);
}

static void backup_free(gpointer data)
{
	Backup *backup = data;

	g_array_unref(backup->packs);
	g_free(backup);
}

static void image_free(gpointer data)
{
	Image *image = data;

	vk_io_clear_fd(&image->fd);
	g_free(image);
}

static VkSalvageResult *result_new(void)
{
	VkSalvageResult *result = g_new0(VkSalvageResult, 1);

	result->files = g_ptr_array_new_with_free_func(salvaged_free);
	return result;
}

void vk_salvage_result_free(VkSalvageResult *result)
{
	if (!result)
		return;
	g_ptr_array_unref(result->files);
	g_free(result);
}

/* Passes on what came instead of a pack: FALSE. TRUE when the pack is lost. */
static gboolean pass_over(GError *trouble, GError **error)
{
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE) ||
	    g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		vk_log_debug("not salvaged: %s", trouble->message);
		g_error_free(trouble);
		return TRUE;
	}
	g_propagate_error(error, trouble);
	return FALSE;
}

/*
 * One that cannot be read marks nothing, or less: more is salvaged then. A disk may have lost it,
 * which does not show in the error. But if the storage is away, nothing is known.
 */
static gboolean mark_snapshot(Salvage *salvage, VkMark *mark, const VkSnapshotKey *key,
			      GError **error)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(salvage->vault, key, &trouble);
	g_autoptr(GPtrArray) keys = NULL;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (!snapshot)
		salvage->result->damaged++;
	else
		salvage->result->snapshots++;
	if (snapshot && vk_mark_add_snapshot(mark, snapshot, &trouble))
		return TRUE;
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	vk_log_debug("a snapshot needs more blocks than are known: %s", trouble->message);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_DAMAGE))
		return TRUE;
	keys = vk_catalog_list_all(salvage->vault, key->uuid, error);
	return keys != NULL;
}

static VkMark *mark_snapshots(Salvage *salvage, GError **error)
{
	g_autoptr(GPtrArray) keys = vk_catalog_list_all(salvage->vault, NULL, error);
	g_autoptr(VkMark) mark = vk_mark_new(salvage->vault);

	if (!keys)
		return NULL;
	for (guint i = 0; i < keys->len; i++)
		if (!mark_snapshot(salvage, mark, keys->pdata[i], error))
			return NULL;
	return g_steal_pointer(&mark);
}

static gboolean has_unmarked(const VkPackTable *table, const VkMark *mark)
{
	VkSlots marked;

	vk_slot_set_of_pack(vk_mark_slots(mark), &table->id, &marked);
	for (guint32 slot = 0; slot < table->slots; slot++)
		if (vk_pack_table_has_data(table, slot) && !vk_slots_have(&marked, slot))
			return TRUE;
	return FALSE;
}

/* When the pack says that it was made. What no calendar has becomes the end of the year 9999. */
static gint64 created_of(const VkPackTable *table)
{
	return (gint64)MIN(GUINT64_FROM_LE(table->header.created), LAST_SECOND);
}

static Backup *backup_of(Salvage *salvage, const VkPackTable *table)
{
	gint64 created = created_of(table);
	VkPackId session;
	Backup *backup;

	memcpy(session.bytes, table->header.session, VK_ID_SIZE);
	backup = g_hash_table_lookup(salvage->backups, &session);
	if (!backup) {
		backup = g_new0(Backup, 1);
		backup->session = session;
		backup->created = created;
		backup->packs = g_array_new(FALSE, FALSE, sizeof(VkPackId));
		g_hash_table_insert(salvage->backups, &backup->session, backup);
	}
	backup->created = MIN(backup->created, created);
	return backup;
}

static void add_pack(Salvage *salvage, const VkPackTable *table, const VkMark *mark)
{
	Backup *backup = backup_of(salvage, table);

	g_array_append_val(backup->packs, table->id);
	if (has_unmarked(table, mark))
		backup->is_needed = TRUE;
	salvage->result->packs++;
}

static gboolean find_backups(Salvage *salvage, const VkMark *mark, GError **error)
{
	g_autoptr(GArray) packs = vk_pack_list(salvage->vault->store, error);

	for (guint i = 0; packs && i < packs->len; i++) {
		GError *trouble = NULL;
		g_autoptr(VkPackTable) table = vk_pack_cache_get(
			salvage->vault->packs, &g_array_index(packs, VkPackId, i), &trouble);

		if (vk_interrupted()) {
			g_clear_error(&trouble);
			return vk_fail_interrupted(error);
		}
		if (table)
			add_pack(salvage, table, mark);
		else if (pass_over(trouble, error))
			salvage->result->unreadable++;
		else
			return FALSE;
	}
	return packs != NULL;
}

/* A new one of BACKUP. The name has all of its id: who writes packs may make ids that begin alike.
 */
static Image *add_image(Salvage *salvage, const Backup *backup, guint32 number, GError **error)
{
	g_autofree char *time = vk_time_format(backup->created);
	VkSalvaged *salvaged = g_new0(VkSalvaged, 1);
	char session[2 * VK_ID_SIZE + 1];
	Image *image;
	int fd = -1;

	vk_pack_id_format(&backup->session, session);
	salvaged->name = g_strdup_printf("%s-%s-%u.raw", time, session, number);
	g_ptr_array_add(salvage->result->files, salvaged);
	if (salvage->directory >= 0) {
		fd = vk_io_open(salvage->directory, salvaged->name, O_WRONLY | O_CREAT | O_EXCL,
				0600, error);
		if (fd < 0)
			return NULL;
	}
	image = g_new0(Image, 1);
	image->salvaged = salvaged;
	image->fd = fd;
	return image;
}

/* A key of role backup does not open those that came by one of role append. */
static gboolean may_open(const VkPackTable *table, guint32 slot)
{
	return !table->keys ||
	       vk_pack_keys_can_open(table->keys, table->entries[slot].length_flags);
}

static gboolean write_block(const Salvage *salvage, Image *image, const VkPackTable *table,
			    guint32 slot, guint8 *buf, GError **error)
{
	guint64 offset = (guint64)table->entries[slot].block << VK_BLOCK_LOG2;
	GError *trouble = NULL;
	gsize length;

	if (!may_open(table, slot)) {
		image->salvaged->unreadable++;
		return TRUE;
	}
	if (image->fd < 0) {
		image->salvaged->blocks++;
		return TRUE;
	}
	if (!vk_pack_cache_read(salvage->vault->packs, &table->id, slot, VK_SLOT_KIND_DATA, buf,
				&length, NULL, &trouble)) {
		image->salvaged->unreadable++;
		return pass_over(trouble, error);
	}
	image->salvaged->blocks++;
	return vk_io_write(image->fd, image->salvaged->name, offset, buf, length, error);
}

/* IMAGES: number -> Image. */
static Image *image_of(Salvage *salvage, const Backup *backup, guint32 number, GHashTable *images,
		       GError **error)
{
	Image *image = g_hash_table_lookup(images, GUINT_TO_POINTER(number));

	if (!image) {
		image = add_image(salvage, backup, number, error);
		if (image)
			g_hash_table_insert(images, GUINT_TO_POINTER(number), image);
	}
	return image;
}

static gboolean salvage_pack(Salvage *salvage, const Backup *backup, const VkPackId *pack,
			     GHashTable *images, GError **error)
{
	GError *trouble = NULL;
	g_autoptr(VkPackTable) table = vk_pack_cache_get(salvage->vault->packs, pack, &trouble);
	g_autofree guint8 *buf = g_malloc(VK_BLOCK_SIZE);

	if (!table) {
		salvage->result->packs--;
		salvage->result->unreadable++;
		return pass_over(trouble, error);
	}
	for (guint32 slot = 0; slot < table->slots; slot++) {
		Image *image;

		if (!vk_pack_table_has_data(table, slot))
			continue;
		image = image_of(salvage, backup, table->entries[slot].image, images, error);
		if (!image || !write_block(salvage, image, table, slot, buf, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean sync_images(GHashTable *images, GError **error)
{
	GHashTableIter at;
	Image *image;

	g_hash_table_iter_init(&at, images);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&image))
		if (image->fd >= 0 && vk_io.fsync(image->fd) < 0)
			return vk_fail_errno(error, errno, "cannot write '%s'",
					     image->salvaged->name);
	return TRUE;
}

static gboolean salvage_backup(Salvage *salvage, const Backup *backup, GError **error)
{
	g_autoptr(GHashTable) images = g_hash_table_new_full(NULL, NULL, NULL, image_free);

	for (guint i = 0; i < backup->packs->len; i++) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		if (!salvage_pack(salvage, backup, &g_array_index(backup->packs, VkPackId, i),
				  images, error))
			return FALSE;
	}
	return sync_images(images, error);
}

static gboolean salvage_backups(Salvage *salvage, GError **error)
{
	GHashTableIter at;
	Backup *backup;

	g_hash_table_iter_init(&at, salvage->backups);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&backup))
		if (backup->is_needed && !salvage_backup(salvage, backup, error))
			return FALSE;
	return TRUE;
}

static int make_directory(const char *path, GError **error)
{
	if (vk_io.mkdirat(AT_FDCWD, path, 0700) < 0) {
		vk_fail_errno(error, errno, "cannot make the directory '%s'", path);
		return -1;
	}
	return vk_io_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, error);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp((*(VkSalvaged *const *)a)->name, (*(VkSalvaged *const *)b)->name);
}

VkSalvageResult *vk_salvage(VkVault *vault, const char *directory, GError **error)
{
	g_autoptr(VkReadLease) lease = vk_vault_may_read_blocks(vault, error)
					       ? vk_read_lease_begin(vault, NULL, error)
					       : NULL;
	VK_AUTOFD fd = lease && directory ? make_directory(directory, error) : -1;
	g_autoptr(VkMark) mark = NULL;
	g_autoptr(GHashTable) backups =
		g_hash_table_new_full(vk_pack_id_hash, vk_pack_id_equal, NULL, backup_free);
	g_autoptr(VkSalvageResult) result = result_new();
	Salvage salvage = {.vault = vault, .backups = backups, .directory = fd, .result = result};

	if (!lease || (directory && fd < 0))
		return NULL;
	mark = mark_snapshots(&salvage, error);
	if (!mark || !find_backups(&salvage, mark, error) || !salvage_backups(&salvage, error))
		return NULL;
	g_ptr_array_sort(result->files, compare_names);
	return g_steal_pointer(&result);
}
