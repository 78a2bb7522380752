/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Partitions in the view: two disks of one snapshot, on an array that counts who asks. */
#include "catalog.h"
#include "errors.h"
#include "memory-image.h"
#include "session.h"
#include "table-writer.h"
#include "temp-vault.h"
#include "tree.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define TIME "20260102T030405Z"
#define SIZE (1u << 20)

static char *directory;
static VkVault *vault;
static VkViewCache *cache;
static VkInodes *inodes;
static VkTree *tree;
static guint opens;
static guint8 *contents[2]; /* of vda and vdb; SIZE bytes each */
static gboolean is_damaged;

static gboolean fake_has(gpointer data, const json_t *copy)
{
	return TRUE;
}

static VkImage *fake_open(gpointer data, const json_t *copy, GError **error)
{
	MemoryImage *image = memory_image_new(SIZE);
	gint disk = (gint)json_integer_value(json_object_get(copy, "disk"));

	g_atomic_int_inc(&opens);
	memcpy(image->bytes, contents[disk], SIZE);
	image->damaged_until = is_damaged ? SIZE : 0;
	return &image->base;
}

static VkView *load(void *data, const VkSnapshotKey *key, GError **error)
{
	VkSnapshot *snapshot = vk_catalog_load(vault, key, error);

	return snapshot ? vk_view_new(vault, snapshot) : NULL;
}

static VkImageRecord *record_of(gint disk)
{
	return vk_image_record_new_on_array(
		SIZE, SIZE / 4, json_pack("{s:s, s:i}", "array", "shelf", "disk", disk));
}

static void commit(void)
{
	g_autoptr(VkSnapshot) snapshot = make_snapshot(UUID, TIME, record_of(0));
	VkSession *session = vk_session_new(vault, 0, NULL);
	VkDiskRecord *second = vk_disk_record_new();
	const VkDiskRecord *first = g_ptr_array_index(snapshot->disks, 0);

	second->target = g_strdup("vdb");
	second->bus = g_strdup(first->bus);
	second->source_type = g_strdup(first->source_type);
	second->source = g_strdup("/images/other.raw");
	second->format = g_strdup(first->format);
	second->mode = g_strdup(first->mode);
	second->reason = g_strdup(first->reason);
	second->image = record_of(1);
	g_ptr_array_add(snapshot->disks, second);
	ck_assert(vk_session_commit(session, snapshot, NULL));
	vk_session_free(session);
}

static void set_up(void)
{
	const VkCopyReader reader = {.open = fake_open, .has = fake_has};
	g_autoptr(GPtrArray) guests = NULL;

	directory = temp_directory_new();
	vault = vk_vault_init(directory, NULL);
	ck_assert_ptr_nonnull(vault);
	vk_vault_set_copy_reader(vault, &reader);
	commit();
	contents[0] = g_malloc0(SIZE);
	contents[1] = g_malloc0(SIZE);
	/* vda has an ext4 and, in an extended partition, something unknown. */
	write_mbr_entry(contents[0], 0, 0x83, 64, 128);
	write_mbr_entry(contents[0], 2, 0x05, 256, 512);
	write_mbr_entry(contents[0] + 256 * 512, 0, 0x83, 32, 16);
	memcpy(contents[0] + 64 * 512 + 1024 + 56, "\x53\xef", 2);
	contents[0][64 * 512 + 1024 + 96] = 0x40;
	memcpy(contents[0] + 288 * 512, "begin", 5);
	memcpy(contents[0] + 304 * 512, "beyond", 6);
	opens = 0;
	is_damaged = FALSE;
	cache = vk_view_cache_new(load, NULL, 2);
	inodes = vk_inodes_new(VK_INODE_HASH_BITS);
	guests = vk_catalog_guests(vault, NULL);
	tree = vk_tree_new(guests, inodes, cache, NULL, NULL);
}

static void tear_down(void)
{
	vk_tree_free(tree);
	vk_view_cache_free(cache);
	vk_inodes_free(inodes);
	vk_vault_free(vault);
	g_free(contents[0]);
	g_free(contents[1]);
	temp_directory_remove(directory);
	g_free(directory);
}

/* The node at PATH below the snapshot. */
static VkNode at(const char *path)
{
	g_autofree char *whole = g_strdup_printf("guests/guest/" TIME "/%s", path);
	g_auto(GStrv) parts = g_strsplit(whole, "/", -1);
	VkNode node = {.ino = VK_INODE_ROOT};

	for (guint i = 0; parts[i] && *parts[i]; i++) {
		guint64 parent = node.ino;

		ck_assert_msg(vk_tree_lookup(tree, parent, parts[i], &node, NULL), "no %s", whole);
	}
	return node;
}

static void expect_names(const char *path, const char *expected)
{
	VkNode place = at(path);
	g_autoptr(GArray) entries = vk_tree_list(tree, place.ino, NULL);
	g_autoptr(GString) names = g_string_new(NULL);

	ck_assert_ptr_nonnull(entries);
	for (guint i = 0; i < entries->len; i++) {
		const VkTreeEntry *entry = &g_array_index(entries, VkTreeEntry, i);
		VkNode node;

		g_string_append_printf(names, "%s ", entry->name);
		ck_assert(vk_tree_lookup(tree, place.ino, entry->name, &node, NULL));
		ck_assert(vk_node_equal(&node, &entry->node));
		ck_assert(vk_tree_stat(tree, node.ino, &node, NULL));
		ck_assert(vk_node_equal(&node, &entry->node));
	}
	ck_assert_str_eq(names->str, expected);
}

START_TEST(nothing_is_read_until_somebody_looks)
{
	expect_names("", ". .. domain.xml snapshot.json vda.raw vdb.raw vda.parts vdb.parts ");
	ck_assert_int_eq(at("vda.parts").type, VK_NODE_DIRECTORY);
	ck_assert_uint_eq(opens, 0);
	expect_names("vda.parts", ". .. p1.ext4.raw p5.raw ");
	ck_assert_uint_eq(opens, 1);
	/* It is kept. */
	expect_names("vda.parts", ". .. p1.ext4.raw p5.raw ");
	ck_assert_uint_eq(opens, 1);
	expect_names("vdb.parts", ". .. ");
}
END_TEST

START_TEST(numbers_are_unique)
{
	static const char *const paths[] = {
		"",          "vda.raw",   "vdb.raw",          "domain.xml",
		"vda.parts", "vdb.parts", "vda.parts/p5.raw", "vda.parts/p1.ext4.raw"};
	VkNode node;

	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		for (guint j = 0; j < i; j++)
			ck_assert_uint_ne(at(paths[i]).ino, at(paths[j]).ino);
	ck_assert(vk_tree_lookup(tree, at("vda.parts").ino, "..", &node, NULL));
	ck_assert_uint_eq(node.ino, at("").ino);
	ck_assert_ptr_nonnull(vk_tree_snapshot(tree, at("vda.parts").ino));
	/* Places of the snapshot where nothing is. */
	ck_assert(!vk_tree_stat(tree, at("vda.parts/p5.raw").ino + 2, &node, NULL));
	ck_assert(!vk_tree_stat(tree, at("vda.parts").ino - 1, &node, NULL));
	ck_assert(!vk_tree_lookup(tree, at("vda.parts/p5.raw").ino, "x", &node, NULL));
	ck_assert_ptr_null(vk_tree_open(tree, at("vda.parts").ino, NULL));
}
END_TEST

START_TEST(a_partition_has_the_bytes_of_the_disk)
{
	VkNode node = at("vda.parts/p5.raw");
	g_autoptr(VkFile) file = vk_tree_open(tree, node.ino, NULL);
	char text[6] = "";
	gboolean found;
	guint64 place;
	gsize length;

	ck_assert_uint_eq(node.size, 16 * 512);
	ck_assert_uint_eq(node.allocated, 16 * 512 / 4);
	ck_assert_str_eq(vk_file_title(file), "guest@" TIME ":vda.parts/p5.raw");
	ck_assert(vk_file_read(file, 0, text, 5, &length, NULL));
	ck_assert_str_eq(text, "begin");
	/* The end of the partition is the end of the file. */
	ck_assert(vk_file_read(file, 16 * 512 - 2, text, sizeof(text), &length, NULL));
	ck_assert_uint_eq(length, 2);
	ck_assert(vk_file_seek_hole(file, 0, &found, &place, NULL));
	ck_assert(found);
	ck_assert_uint_eq(place, 4096);
	ck_assert(vk_file_seek_data(file, 4096, &found, &place, NULL));
	ck_assert(!found);
}
END_TEST

START_TEST(damage_of_a_disk_is_not_damage_of_the_snapshot)
{
	guint64 ino = at("vda.parts").ino;
	g_autoptr(GError) error = NULL;

	is_damaged = TRUE;
	ck_assert_ptr_null(vk_tree_list(tree, ino, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_FAILED));
	ck_assert_msg(strstr(error->message, "'guest@" TIME ":vda.parts'") != NULL, "%s",
		      error->message);
	is_damaged = FALSE;
	expect_names("vda.parts", ". .. p1.ext4.raw p5.raw ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parts");
	TCase *tcase = tcase_create("parts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, nothing_is_read_until_somebody_looks);
	tcase_add_test(tcase, numbers_are_unique);
	tcase_add_test(tcase, a_partition_has_the_bytes_of_the_disk);
	tcase_add_test(tcase, damage_of_a_disk_is_not_damage_of_the_snapshot);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
