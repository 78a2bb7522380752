/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writers: backups of made-up guests whose disks change at random. */
#include "soak.h"

#include "catalog.h"
#include "errors.h"
#include "rate-limit.h"
#include "session.h"
#include "temp-vault.h"
#include "timestamp.h"

#define MIB            (1024u * 1024)
#define SECTOR         512u
#define CHANGES        12
#define WORKERS        2
#define RATE_LOW       4
#define RATE_HIGH      80
#define TARGET_MAX     2
#define PAUSE_USEC_MAX 1500000

static const char *const targets[TARGET_MAX] = {"vda", "vdb"};

/* The guest's uuid comes from its name. New string. */
static char *uuid_of(const char *guest)
{
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, guest, -1);

	return g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%.12s", sum, sum + 8, sum + 12, sum + 16,
			       sum + 20);
}

static guint64 choose_size(GRand *random)
{
	return (guint64)g_rand_int_range(random, 6 * MIB / SECTOR, 12 * MIB / SECTOR) * SECTOR;
}

/* What the disk holds at this backup. PARENT is what it held at the last one; NULL: nothing. */
static Content *change_disk(const Content *parent, GRand *random)
{
	Content *content = parent ? content_copy(parent) : content_new(choose_size(random));

	if (parent && g_rand_int_range(random, 0, 12) == 0)
		content_resize(content, choose_size(random));
	content_change(content, random, parent ? CHANGES : 6 * CHANGES);
	return content;
}

/*
 * Saves the content as one of three sorts of backup: by its changes, compared with the parent, or
 * without a parent.
 */
static VkImageRecord *save_disk(VkSession *session, const Content *content, const Content *earlier,
				const VkImageRecord *parent, GRand *random, GError **error)
{
	gint sort = g_rand_int_range(random, 0, 8);
	gboolean has_changes = sort < 5 && parent && earlier->size == content->size;
	MemSource *source = content_source(content, has_changes ? earlier : NULL);
	VkSaveStats stats = {0};
	VkImageRecord *record = vk_session_save(session, &source->base, sort < 7 ? parent : NULL,
						&stats, NULL, error);

	vk_source_free(&source->base);
	if (record && stats.parent_damaged) {
		vk_image_record_free(record);
		vk_fail(error, VK_ERROR_DAMAGE, "the parent is damaged");
		return NULL;
	}
	return record;
}

static Content *load_earlier(const Soak *soak, const VkSnapshot *parent, const char *target,
			     GError **error)
{
	g_autofree char *path = soak_ledger_path(soak, parent->name, parent->id, target);

	return content_load(path, error);
}

static gboolean add_disk(const Soak *soak, VkSession *session, const VkSnapshot *parent,
			 VkSnapshot *snapshot, guint number, GError **error)
{
	const char *target = targets[number];
	const VkDiskRecord *earlier_disk = parent ? vk_snapshot_find_disk(parent, target) : NULL;
	g_autoptr(Content) earlier = parent ? load_earlier(soak, parent, target, error) : NULL;
	g_autofree char *path = soak_ledger_path(soak, snapshot->name, snapshot->id, target);
	g_autoptr(Content) content = NULL;
	VkDiskRecord *disk;

	if (parent && !earlier)
		return FALSE;
	/* So that there is a backup at work whenever somebody else does something. */
	if (g_rand_int_range(soak->random, 0, 3) == 0)
		g_usleep((gulong)g_rand_int_range(soak->random, 0, PAUSE_USEC_MAX));
	content = change_disk(earlier, soak->random);
	if (!content_save(content, path, error))
		return FALSE;
	if (number == snapshot->disks->len) {
		disk = vk_disk_record_new();
		disk->target = g_strdup(target);
		disk->mode = g_strdup("full");
		g_ptr_array_add(snapshot->disks, disk);
	}
	disk = g_ptr_array_index(snapshot->disks, number);
	disk->image = save_disk(session, content, earlier,
				earlier_disk ? earlier_disk->image : NULL, soak->random, error);
	return disk->image != NULL;
}

static gboolean report_done(const Soak *soak, const VkSnapshot *snapshot, GError **error)
{
	g_autofree char *path = soak_ledger_path(soak, snapshot->name, snapshot->id, "done");

	return g_file_set_contents(path, "", 0, error);
}

/* One backup, and then it is what the next builds on. */
static gboolean back_up(const Soak *soak, VkSession *session, const char *guest,
			const VkSnapshot *parent, GError **error)
{
	g_autofree char *uuid = uuid_of(guest);
	g_autofree char *time = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(uuid, time, NULL);

	g_free(snapshot->name);
	snapshot->name = g_strdup(guest);
	for (guint i = 0; i < TARGET_MAX; i++)
		if (!add_disk(soak, session, parent, snapshot, i, error))
			return FALSE;
	return vk_session_commit(session, snapshot, error) && report_done(soak, snapshot, error);
}

/* The newest one of the guest; NULL without an error: there is none. */
static VkSnapshot *find_parent(VkVault *vault, const char *guest, GError **error)
{
	g_autofree char *uuid = uuid_of(guest);
	g_autoptr(GPtrArray) keys = vk_catalog_list(vault, uuid, error);
	g_autoptr(GError) trouble = NULL;
	VkSnapshot *parent;

	if (!keys || keys->len == 0)
		return NULL;
	parent = vk_catalog_load(vault, g_ptr_array_index(keys, keys->len - 1), &trouble);
	if (!parent && !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		g_propagate_error(error, g_steal_pointer(&trouble));
	return parent;
}

static gboolean write_some(const Soak *soak, VkVault *vault, const char *guest, VkRateLimit *limit,
			   GError **error)
{
	g_autoptr(VkSession) session = vk_session_new(vault, WORKERS, error);
	gint count = g_rand_int_range(soak->random, 1, 4);

	if (!session)
		return FALSE;
	vk_session_set_limit(session, limit);
	for (gint i = 0; i < count; i++) {
		GError *trouble = NULL;
		g_autoptr(VkSnapshot) parent = find_parent(vault, guest, &trouble);

		if (trouble || !vk_session_check_parent(session, parent, &trouble) ||
		    !back_up(soak, session, guest, parent, &trouble)) {
			g_propagate_error(error, trouble);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean soak_write(const Soak *soak, const char *guest, GError **error)
{
	g_autoptr(VkVault) vault = soak_open(soak, VK_VAULT_WRITE, error);
	guint64 mib = (guint64)g_rand_int_range(soak->random, RATE_LOW, RATE_HIGH);
	VkRateLimit limit;
	gboolean done;

	if (!vault)
		return FALSE;
	vk_rate_limit_init(&limit, mib * MIB);
	done = write_some(soak, vault, guest, &limit, error);
	vk_rate_limit_clear(&limit);
	return done;
}

/* As if it was backed up just now: in the order and by the changes as it was. */
static gboolean copy_one(const Soak *soak, VkSession *session, VkVault *vault,
			 const VkSnapshot *original, GError **error)
{
	g_autoptr(VkSnapshot) parent = find_parent(vault, original->name, error);
	g_autoptr(VkSnapshot) snapshot = make_snapshot(original->uuid, original->time, NULL);

	g_free(snapshot->name);
	snapshot->name = g_strdup(original->name);
	g_free(snapshot->id);
	snapshot->id = g_strdup(original->id);
	g_ptr_array_set_size(snapshot->disks, 0);
	for (guint i = 0; i < TARGET_MAX; i++) {
		const VkDiskRecord *before =
			parent ? vk_snapshot_find_disk(parent, targets[i]) : NULL;
		g_autoptr(Content) content = load_earlier(soak, original, targets[i], error);
		MemSource *source = content ? content_source(content, NULL) : NULL;
		VkDiskRecord *disk = vk_disk_record_new();
		VkSaveStats stats = {0};

		disk->target = g_strdup(targets[i]);
		disk->mode = g_strdup("full");
		g_ptr_array_add(snapshot->disks, disk);
		if (!source)
			return FALSE;
		disk->image = vk_session_save(session, &source->base, before ? before->image : NULL,
					      &stats, NULL, error);
		vk_source_free(&source->base);
		if (!disk->image)
			return FALSE;
	}
	return vk_session_commit(session, snapshot, error);
}

gboolean soak_copy(const Soak *soak, const char *target, GError **error)
{
	g_autoptr(VkVault) from = vk_vault_open(soak->vault, VK_VAULT_READ, error);
	g_autoptr(VkVault) to = from ? vk_vault_init(target, error) : NULL;
	g_autoptr(GPtrArray) keys = to ? vk_catalog_list(from, NULL, error) : NULL;

	for (guint i = 0; keys && i < keys->len; i++) {
		g_autoptr(VkSession) session = vk_session_new(to, WORKERS, error);
		g_autoptr(VkSnapshot) original =
			session ? vk_catalog_load(from, g_ptr_array_index(keys, i), error) : NULL;

		if (!original || !copy_one(soak, session, to, original, error))
			return FALSE;
	}
	return keys != NULL;
}
