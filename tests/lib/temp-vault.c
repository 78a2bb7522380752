/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "temp-vault.h"

#include "sealed-names.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *temp_directory_new(void)
{
	char *path = g_dir_make_tmp("virtkeep-test-XXXXXX", NULL);

	g_assert(path);
	return path;
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *position)
{
	return remove(path);
}

void temp_directory_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy_one(const char *from, const char *to)
{
	g_autofree char *bytes = NULL;
	gsize length;

	if (g_file_test(from, G_FILE_TEST_IS_DIR)) {
		temp_directory_copy(from, to);
		return;
	}
	g_assert(g_file_get_contents(from, &bytes, &length, NULL));
	g_assert(g_file_set_contents_full(to, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600,
					  NULL));
}

void temp_directory_copy(const char *from, const char *to)
{
	g_autoptr(GDir) dir = g_dir_open(from, 0, NULL);
	const char *name;

	g_assert(dir && g_mkdir(to, 0700) == 0);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *part = g_build_filename(from, name, NULL);
		g_autofree char *copy = g_build_filename(to, name, NULL);

		copy_one(part, copy);
	}
}

VkSnapshot *make_snapshot(const char *uuid, const char *time, VkImageRecord *image)
{
	VkSnapshot *snapshot = vk_snapshot_new();
	VkDiskRecord *disk = vk_disk_record_new();

	snapshot->uuid = g_strdup(uuid);
	snapshot->name = g_strdup("guest");
	snapshot->host = g_strdup("host");
	snapshot->time = g_strdup(time);
	snapshot->consistency = g_strdup("crash");
	snapshot->tool = g_strdup("virtkeep test");
	snapshot->state = g_strdup("running");
	snapshot->domain_xml = g_strdup("<domain/>");
	disk->target = g_strdup("vda");
	disk->bus = g_strdup("virtio");
	disk->format = g_strdup("raw");
	disk->source_type = g_strdup("file");
	disk->source = g_strdup("/images/guest.raw");
	disk->mode = g_strdup("full");
	disk->reason = g_strdup("first snapshot of this disk");
	disk->image = image;
	g_ptr_array_add(snapshot->disks, disk);
	return snapshot;
}

guint32 test_seed(void)
{
	const char *given = g_getenv("VK_TEST_SEED");
	guint32 seed = given ? (guint32)strtoul(given, NULL, 10) : g_random_int();

	printf("VK_TEST_SEED=%u\n", seed);
	return seed;
}

#undef vk_vault_init
#undef vk_vault_open

gboolean test_is_encrypted(void)
{
	return g_getenv("VK_TEST_ENCRYPTED") != NULL;
}

static const char key_file[] = "the key file of the vaults of tests";

void test_write_key_file(const char *path)
{
	g_assert(g_file_set_contents_full(path, key_file, sizeof(key_file),
					  G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static VkSecret *test_secret(gconstpointer user, const char *url, GError **error)
{
	return vk_secret_new(key_file, sizeof(key_file));
}

/*
 * The stand-in keeps the objects of a bucket where a directory would have them. Other URLs than
 * those of paths below its root stay as they are. New string.
 */
static char *test_url(const char *url)
{
	const char *bucket = g_getenv("VK_TEST_S3_VAULTS") ? g_getenv("VK_TEST_S3") : NULL;
	const char *root = g_getenv("VK_TEST_S3_ROOT");

	return bucket && g_str_has_prefix(url, root) && url[strlen(root)] == '/'
		       ? g_strconcat("s3:", bucket, url + strlen(root), NULL)
		       : g_strdup(url);
}

VkVault *test_vault_init(const char *url, GError **error)
{
	g_autofree char *place = test_url(url);
	g_autoptr(VkSecret) secret = test_secret(NULL, NULL, NULL);
	const VkNewKey key = {.secret = secret, .label = "test"};
	const VkNewVault how = {
		.key = test_is_encrypted() ? &key : NULL,
		.parity = g_getenv("VK_TEST_PARITY") != NULL,
	};

	return vk_vault_init_as(place, &how, error);
}

VkVault *test_vault_open(const char *url, VkVaultMode mode, GError **error)
{
	const VkUnlock unlock = {.ask = test_secret};
	g_autofree char *place = test_url(url);

	return vk_vault_open_locked(place, mode, &unlock, error);
}

char *test_vault_path(const VkVault *vault, const char *name)
{
	const VkKeyring *keyring = vk_vault_keyring(vault);
	VkSealedNames *names = keyring ? vk_sealed_names_new(keyring) : NULL;
	g_autofree char *inside = names ? vk_sealed_names_inside(names, name) : g_strdup(name);
	const char *bucket = g_getenv("VK_TEST_S3");

	vk_sealed_names_free(names);
	if (!vk_vault_directory(vault))
		return g_build_filename(g_getenv("VK_TEST_S3_ROOT"),
					vk_vault_place(vault) + strlen("s3:") + strlen(bucket),
					inside, NULL);
	return g_build_filename(vk_vault_directory(vault), inside, NULL);
}
