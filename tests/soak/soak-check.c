/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a vault gives back is what the ledger says, and nothing is missing. */
#include "soak.h"

#include "catalog-chain.h"
#include "catalog.h"
#include "errors.h"
#include "vault-image.h"

#include <string.h>
#include <sys/stat.h>

#define PIECE (1024u * 1024)

static gboolean check_disk(const Soak *soak, VkVault *vault, const VkSnapshot *snapshot,
			   const VkDiskRecord *disk, GError **error)
{
	g_autofree char *path = soak_ledger_path(soak, snapshot->name, snapshot->id, disk->target);
	g_autoptr(Content) content = content_load(path, error);
	g_autoptr(VkImage) image = content ? vk_vault_image_open(vault, disk->image, error) : NULL;
	g_autofree guint8 *bytes = g_malloc(PIECE);
	gsize length;

	if (!image)
		return FALSE;
	if (image->size != content->size)
		return vk_fail(error, VK_ERROR_DAMAGE, "it has another size");
	for (guint64 at = 0; at < image->size; at += length) {
		length = (gsize)MIN(PIECE, image->size - at);
		if (!vk_image_read(image, at, bytes, length, error))
			return FALSE;
		if (!content_matches(content, at, bytes, length))
			return vk_fail(error, VK_ERROR_DAMAGE,
				       "wrong bytes behind %" G_GUINT64_FORMAT, at);
	}
	return TRUE;
}

static gboolean check_snapshot(const Soak *soak, VkVault *vault, const VkSnapshotKey *key,
			       GError **error)
{
	g_autoptr(VkSnapshot) snapshot = vk_catalog_load(vault, key, error);

	for (guint i = 0; snapshot && i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (check_disk(soak, vault, snapshot, disk, error))
			continue;
		g_prefix_error(error, "%s, disk '%s': ", key->forgotten ? "forgotten" : "listed",
			       disk->target);
		return FALSE;
	}
	return snapshot != NULL;
}

static gboolean has(const Soak *soak, const char *guest, const char *id, const char *suffix)
{
	g_autofree char *path = soak_ledger_path(soak, guest, id, suffix);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The names of the guest's files in the ledger. Returns strings, owned by the array. */
static GPtrArray *list_ledger(const Soak *soak, const char *guest)
{
	g_autofree char *folder = g_build_filename(soak->ledger, guest, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
	const char *name;

	while (directory && (name = g_dir_read_name(directory)))
		g_ptr_array_add(names, g_strdup(name));
	return names;
}

/* When a file was written last, in ns. */
static gint64 written(const Soak *soak, const char *guest, const char *id)
{
	g_autofree char *path = soak_ledger_path(soak, guest, id, "vda");
	struct stat st;

	g_assert(stat(path, &st) == 0);
	return (gint64)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* How many backups of the guest began after that one. */
static guint count_newer(const Soak *soak, const char *guest, const char *id,
			 const GPtrArray *names)
{
	gint64 begun = written(soak, guest, id);
	guint count = 0;

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *other = g_strdup(g_ptr_array_index(names, i));
		char *suffix = strstr(other, ".vda");

		if (!suffix)
			continue;
		*suffix = '\0';
		count += written(soak, guest, other) > begun;
	}
	return count;
}

/*
 * Whether a snapshot whose commit was reported may be hidden. By the policy it goes once enough
 * others are newer: two backups of one guest at a time may differ in which of them is.
 */
static gboolean may_be_missing(const Soak *soak, const char *guest, const char *id,
			       const GPtrArray *names, guint kept)
{
	g_autofree char *policy = g_build_filename(soak->ledger, guest, "policy", NULL);

	if (has(soak, guest, id, "pinned"))
		return FALSE;
	return has(soak, guest, id, "forgot") || (g_file_test(policy, G_FILE_TEST_EXISTS) &&
						  count_newer(soak, guest, id, names) + 2 >= kept);
}

static gboolean check_guest(const Soak *soak, const char *guest, GHashTable *listed, guint kept,
			    GError **error)
{
	g_autoptr(GPtrArray) names = list_ledger(soak, guest);

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *id = g_strdup(g_ptr_array_index(names, i));
		char *suffix = strstr(id, ".done");

		if (!suffix)
			continue;
		*suffix = '\0';
		if (!g_hash_table_contains(listed, id) &&
		    !may_be_missing(soak, guest, id, names, kept))
			return vk_fail(error, VK_ERROR_FAILED,
				       "the snapshot '%s' of '%s' is not listed any more", id,
				       guest);
	}
	return TRUE;
}

static gboolean check_ledger(const Soak *soak, GHashTable *listed, guint kept, GError **error)
{
	g_autoptr(GDir) guests = g_dir_open(soak->ledger, 0, error);
	const char *guest;

	while (guests && (guest = g_dir_read_name(guests)))
		if (!check_guest(soak, guest, listed, kept, error))
			return FALSE;
	return guests != NULL;
}

/* Whatever was removed, nobody says that it is held back. */
static gboolean check_chains(VkVault *vault, GError **error)
{
	g_autoptr(GPtrArray) texts = vk_chain_check(vault, NULL, error);

	return texts && (texts->len == 0 || vk_fail(error, VK_ERROR_FAILED, "%s",
						    (const char *)g_ptr_array_index(texts, 0)));
}

gboolean soak_check(const Soak *soak, guint kept, GError **error)
{
	g_autoptr(VkVault) vault = soak_open(soak, VK_VAULT_READ, error);
	g_autoptr(GPtrArray) keys = vault ? vk_catalog_list_all(vault, NULL, error) : NULL;
	g_autoptr(GHashTable) listed = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; keys && i < keys->len; i++) {
		const VkSnapshotKey *key = g_ptr_array_index(keys, i);

		if (!key->forgotten)
			g_hash_table_add(listed, key->id);
		if (check_snapshot(soak, vault, key, error))
			continue;
		g_prefix_error(error, "'%s@%s' (%s): ", key->uuid, key->time, key->id);
		return FALSE;
	}
	if (!keys || !check_ledger(soak, listed, kept, error) || !check_chains(vault, error))
		return FALSE;
	g_print("%u listed, %u forgotten, all as they were\n", g_hash_table_size(listed),
		keys->len - g_hash_table_size(listed));
	return TRUE;
}
