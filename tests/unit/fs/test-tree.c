/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WEB   "11111111-2222-3333-4444-555555555555"
#define DB    "21111111-2222-3333-4444-555555555555"
#define T0    "20261119T100000Z"
#define T1    "20261120T100000Z"
#define T2    "20261121T100000Z"
#define T3    "20261122T100000Z"
#define BREAK "ffffffffffffffff" /* an id whose snapshot cannot be loaded */

static guint loads;

static VkView *load(void *data, const VkSnapshotKey *key, GError **error)
{
	VkSnapshot *snapshot;

	loads++;
	if (strcmp(key->id, BREAK) == 0) {
		vk_fail(error, VK_ERROR_DAMAGE, "broken");
		return NULL;
	}
	snapshot = vk_snapshot_new();
	g_free(snapshot->id);
	snapshot->id = g_strdup(key->id);
	snapshot->uuid = g_strdup(key->uuid);
	snapshot->name = g_strdup("any");
	snapshot->host = g_strdup("host");
	snapshot->time = g_strdup(key->time);
	snapshot->consistency = g_strdup("crash");
	snapshot->tool = g_strdup("test");
	snapshot->state = g_strdup("running");
	snapshot->domain_xml = g_strdup("<domain/>\n");
	return vk_view_new(NULL, snapshot);
}

static void free_key(void *key)
{
	vk_snapshot_key_free(key);
}

static void free_guest(void *data)
{
	VkCatalogGuest *guest = data;

	g_free(guest->uuid);
	g_free(guest->name);
	g_free(guest->view_name);
	g_ptr_array_unref(guest->keys);
	g_free(guest);
}

/* KEYS: "TIME/ID", oldest first, NULL at the end. */
static void add_guest(GPtrArray *guests, const char *uuid, const char *name, ...)
{
	VkCatalogGuest *guest = g_new0(VkCatalogGuest, 1);
	const char *text;
	va_list keys;

	guest->uuid = g_strdup(uuid);
	guest->name = g_strdup(name);
	guest->view_name = g_strdup(name);
	guest->keys = g_ptr_array_new_with_free_func(free_key);
	va_start(keys, name);
	while ((text = va_arg(keys, const char *))) {
		VkSnapshotKey *key = g_new0(VkSnapshotKey, 1);

		key->uuid = g_strdup(uuid);
		key->time = g_strndup(text, 16);
		key->id = g_strdup(text + 17);
		g_ptr_array_add(guest->keys, key);
	}
	va_end(keys);
	g_ptr_array_add(guests, guest);
}

static GPtrArray *two_guests(void)
{
	GPtrArray *guests = g_ptr_array_new_with_free_func(free_guest);

	add_guest(guests, DB, "db", T1 "/0000000000000001", NULL);
	add_guest(guests, WEB, "web", T1 "/0000000000000002", T2 "/0000000000000003", NULL);
	return guests;
}

typedef struct {
	VkViewCache *cache;
	VkInodes *inodes;
} Fixture;

static Fixture fixture;

static void set_up(void)
{
	loads = 0;
	fixture.cache = vk_view_cache_new(load, NULL, 2);
	fixture.inodes = vk_inodes_new(VK_INODE_HASH_BITS);
}

static void tear_down(void)
{
	vk_view_cache_free(fixture.cache);
	vk_inodes_free(fixture.inodes);
}

static VkTree *new_tree(GPtrArray *guests)
{
	VkTree *tree = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);

	g_ptr_array_unref(guests);
	return tree;
}

/* The node at PATH, whose parts are separated by '/'. */
static VkNode at(const VkTree *tree, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	VkNode node = {.ino = VK_INODE_ROOT};

	for (char **part = parts; *part; part++) {
		guint64 parent = node.ino;

		ck_assert_msg(vk_tree_lookup(tree, parent, *part, &node, NULL), "no %s", path);
	}
	return node;
}

static void expect_names(const VkTree *tree, const char *path, const char *expected)
{
	g_autoptr(GArray) entries =
		vk_tree_list(tree, *path ? at(tree, path).ino : VK_INODE_ROOT, NULL);
	g_autoptr(GString) names = g_string_new(NULL);

	ck_assert_ptr_nonnull(entries);
	for (guint i = 0; i < entries->len; i++)
		g_string_append_printf(names, "%s ", g_array_index(entries, VkTreeEntry, i).name);
	ck_assert_str_eq(names->str, expected);
}

static void expect_link(const VkTree *tree, const char *path, const char *expected)
{
	VkNode node = at(tree, path);
	g_autofree char *target = vk_tree_read_link(tree, node.ino, NULL);

	ck_assert_int_eq(node.type, VK_NODE_LINK);
	ck_assert_str_eq(target, expected);
	ck_assert_uint_eq(node.size, strlen(expected));
}

START_TEST(has_the_documented_layout)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());
	VkNode node;

	expect_names(tree, "", ". .. guests times ");
	expect_names(tree, "guests", ". .. db web ");
	expect_names(tree, "guests/web", ". .. " T1 " " T2 " latest ");
	expect_names(tree, "times", ". .. " T1 " " T2 " ");
	expect_names(tree, "times/" T1, ". .. db web ");
	expect_names(tree, "times/" T2, ". .. web ");
	expect_link(tree, "guests/web/latest", T2);
	expect_link(tree, "times/" T1 "/db", "../../guests/db/" T1);
	ck_assert_uint_eq(at(tree, "guests").links, 4);
	ck_assert_int_eq(at(tree, "guests/db").time, 1795168800);
	ck_assert(!vk_tree_lookup(tree, at(tree, "times/" T2).ino, "db", &node, NULL));
	ck_assert(!vk_tree_lookup(tree, VK_INODE_GUESTS, "times", &node, NULL));
	ck_assert(!vk_tree_lookup(tree, at(tree, "guests/web/latest").ino, "x", &node, NULL));
	ck_assert(!vk_tree_stat(tree, 0, &node, NULL));
	ck_assert(!vk_tree_stat(tree, 4, &node, NULL));
}
END_TEST

START_TEST(loads_a_snapshot_when_somebody_looks_into_it)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());
	VkNode node;

	expect_names(tree, "guests/web", ". .. " T1 " " T2 " latest ");
	at(tree, "guests/web/" T2);
	ck_assert_uint_eq(loads, 0);
	expect_names(tree, "guests/web/" T2, ". .. domain.xml snapshot.json ");
	node = at(tree, "guests/web/" T2 "/domain.xml");
	ck_assert_uint_eq(loads, 1);
	ck_assert_int_eq(node.type, VK_NODE_FILE);
	ck_assert_uint_eq(node.size, 10);
	ck_assert(!vk_tree_stat(tree, node.ino + 10, &node, NULL));
}
END_TEST

/* Counts the nodes below INO, whose numbers must be new and the same by every way. */
static guint walk(const VkTree *tree, guint64 ino, guint64 parent, GHashTable *seen)
{
	g_autoptr(GArray) entries = vk_tree_list(tree, ino, NULL);
	guint count = 0;

	ck_assert_uint_eq(g_array_index(entries, VkTreeEntry, 0).node.ino, ino);
	ck_assert_uint_eq(g_array_index(entries, VkTreeEntry, 1).node.ino, parent);
	for (guint i = 2; i < entries->len; i++) {
		const VkTreeEntry *entry = &g_array_index(entries, VkTreeEntry, i);
		VkNode node;

		ck_assert(vk_tree_stat(tree, entry->node.ino, &node, NULL));
		ck_assert(vk_node_equal(&node, &entry->node));
		ck_assert(vk_tree_lookup(tree, ino, entry->name, &node, NULL));
		ck_assert(vk_node_equal(&node, &entry->node));
		ck_assert(g_hash_table_add(seen, g_memdup2(&node.ino, sizeof(node.ino))));
		ck_assert_uint_ge(node.links, 1);
		count++;
		if (node.type == VK_NODE_DIRECTORY)
			count += walk(tree, node.ino, ino, seen);
	}
	return count;
}

static guint walk_all(const VkTree *tree)
{
	g_autoptr(GHashTable) seen =
		g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	return walk(tree, VK_INODE_ROOT, VK_INODE_ROOT, seen);
}

START_TEST(numbers_are_unique_and_agree)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());

	/* 2 fixed, 2 guests with latest, 3 snapshots with link and 2 files, 2 times */
	ck_assert_uint_eq(walk_all(tree), 2 + 4 + 3 * 4 + 2);
	ck_assert_uint_eq(vk_tree_count(tree), 3 + 4 + 3 * 2 + 2);
}
END_TEST

START_TEST(numbers_are_unique_even_if_the_hashes_are_not)
{
	g_autoptr(VkInodes) few = vk_inodes_new(2);
	g_autoptr(GPtrArray) guests = two_guests();
	g_autoptr(VkTree) tree = vk_tree_new(guests, few, fixture.cache, NULL, NULL);
	guint64 first;

	add_guest(guests, "31111111-2222-3333-4444-555555555555", "x", T3 "/0000000000000004",
		  NULL);
	first = at(tree, "guests/web/" T1).ino;
	walk_all(tree);
	g_clear_pointer(&tree, vk_tree_free);
	tree = vk_tree_new(guests, few, fixture.cache, NULL, NULL);
	walk_all(tree);
	ck_assert_uint_eq(at(tree, "guests/web/" T1).ino, first);
}
END_TEST

START_TEST(numbers_stay_in_the_next_tree_and_the_next_mount)
{
	g_autoptr(VkInodes) other = vk_inodes_new(VK_INODE_HASH_BITS);
	g_autoptr(VkTree) tree = new_tree(two_guests());
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	const char *paths[] = {"guests/web",        "guests/web/" T2,
			       "guests/web/latest", "guests/web/" T2 "/domain.xml",
			       "times/" T2,         "times/" T2 "/web"};

	add_guest(guests, WEB, "web", T2 "/0000000000000003", T3 "/0000000000000004", NULL);
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(VkTree) next =
			vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
		g_autoptr(VkTree) remount = vk_tree_new(guests, other, fixture.cache, NULL, NULL);

		ck_assert_uint_eq(at(next, paths[i]).ino, at(tree, paths[i]).ino);
		ck_assert_uint_eq(at(remount, paths[i]).ino, at(tree, paths[i]).ino);
	}
}
END_TEST

static gboolean has_change(const GArray *changes, guint64 ino, const char *name)
{
	for (guint i = 0; i < changes->len; i++) {
		const VkTreeChange *change = &g_array_index(changes, VkTreeChange, i);

		if (change->ino == ino && g_strcmp0(change->name, name) == 0)
			return TRUE;
	}
	return FALSE;
}

START_TEST(diff_tells_a_new_snapshot)
{
	g_autoptr(VkTree) before = new_tree(two_guests());
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(VkTree) after = NULL;
	g_autoptr(GArray) none = vk_tree_diff(before, before);
	g_autoptr(GArray) changes = NULL;
	guint64 web = at(before, "guests/web").ino;

	add_guest(guests, DB, "db", T1 "/0000000000000001", NULL);
	add_guest(guests, WEB, "web", T1 "/0000000000000002", T2 "/0000000000000003",
		  T3 "/0000000000000004", NULL);
	after = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
	changes = vk_tree_diff(before, after);

	ck_assert_uint_eq(none->len, 0);
	ck_assert(has_change(changes, web, T3));
	ck_assert(has_change(changes, web, NULL));
	ck_assert(has_change(changes, at(before, "guests/web/latest").ino, NULL));
	ck_assert(has_change(changes, VK_INODE_TIMES, T3));
	ck_assert(has_change(changes, VK_INODE_TIMES, NULL));
	ck_assert(has_change(changes, VK_INODE_ROOT, NULL));
	ck_assert(!has_change(changes, web, T2));
	ck_assert(!has_change(changes, at(before, "guests/db").ino, NULL));
	ck_assert(!has_change(changes, VK_INODE_GUESTS, "web"));
	ck_assert_uint_eq(loads, 0);
}
END_TEST

START_TEST(diff_tells_what_went_and_what_was_renamed)
{
	g_autoptr(VkTree) before = new_tree(two_guests());
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(VkTree) after = NULL;
	g_autoptr(GArray) changes = NULL;
	VkNode node;

	add_guest(guests, WEB, "www", T2 "/0000000000000003", NULL);
	after = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
	changes = vk_tree_diff(before, after);
	ck_assert(has_change(changes, VK_INODE_GUESTS, "db"));
	ck_assert(has_change(changes, VK_INODE_GUESTS, "web"));
	ck_assert(has_change(changes, VK_INODE_GUESTS, "www"));
	ck_assert(has_change(changes, at(before, "guests/web").ino, T1));
	ck_assert(has_change(changes, VK_INODE_TIMES, T1));
	ck_assert(has_change(changes, at(after, "times/" T2).ino, "web"));
	ck_assert(has_change(changes, at(after, "times/" T2).ino, "www"));
	ck_assert(!vk_tree_stat(after, at(before, "guests/db").ino, &node, NULL));
}
END_TEST

/* The catalogue knows better than a clock that was wrong. */
START_TEST(the_latest_is_what_is_listed_last)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(VkTree) tree = NULL;

	add_guest(guests, WEB, "web", T2 "/0000000000000002", T1 "/0000000000000003", NULL);
	tree = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
	expect_link(tree, "guests/web/latest", T1);
}
END_TEST

static gboolean refuse_newest(void *data, const VkSnapshotKey *key, gboolean is_latest)
{
	guint *asked = data;

	if (is_latest)
		(*asked)++;
	return strcmp(key->time, T2) != 0;
}

START_TEST(leaves_out_what_is_not_usable)
{
	guint asked = 0;
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(VkTree) tree = NULL;

	add_guest(guests, WEB, "web", T0 "/0000000000000001", T1 "/0000000000000002",
		  T2 "/0000000000000003", NULL);
	tree = vk_tree_new(guests, fixture.inodes, fixture.cache, refuse_newest, &asked);
	/* As the latest: the newest, which is refused, and the one before, but not the oldest. */
	ck_assert_uint_eq(asked, 2);
	expect_names(tree, "guests/web", ". .. " T0 " " T1 " latest ");
	expect_link(tree, "guests/web/latest", T1);
	expect_names(tree, "times", ". .. " T0 " " T1 " ");
}
END_TEST

START_TEST(damage_in_one_snapshot_leaves_the_others)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(GError) error = NULL;
	g_autoptr(VkTree) tree = NULL;
	VkNode node;

	add_guest(guests, WEB, "web", T1 "/" BREAK, T2 "/0000000000000003", NULL);
	tree = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
	ck_assert(
		!vk_tree_lookup(tree, at(tree, "guests/web/" T1).ino, "domain.xml", &node, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	at(tree, "guests/web/" T2 "/domain.xml");
}
END_TEST

START_TEST(two_snapshots_of_one_second_are_both_shown)
{
	g_autoptr(GPtrArray) guests = g_ptr_array_new_with_free_func(free_guest);
	g_autoptr(VkTree) tree = NULL;

	add_guest(guests, WEB, "web", T1 "/00000000000000aa", T1 "/bbbbbbbbcccccccc", NULL);
	tree = vk_tree_new(guests, fixture.inodes, fixture.cache, NULL, NULL);
	expect_names(tree, "guests/web", ". .. " T1 " " T1 "~bbbbbbbb latest ");
	expect_names(tree, "times", ". .. " T1 " ");
	expect_names(tree, "times/" T1, ". .. web ");
	walk_all(tree);
}
END_TEST

START_TEST(an_open_file_outlives_tree_and_cache)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());
	g_autoptr(VkFile) file =
		vk_tree_open(tree, at(tree, "guests/web/" T1 "/domain.xml").ino, NULL);
	char text[16] = "";
	gsize length;

	ck_assert_ptr_nonnull(file);
	/* The cache holds two: this one goes. */
	at(tree, "guests/web/" T2 "/domain.xml");
	at(tree, "guests/db/" T1 "/domain.xml");
	g_clear_pointer(&tree, vk_tree_free);
	ck_assert(vk_file_read(file, 3, text, sizeof(text), &length, NULL));
	ck_assert_uint_eq(length, 7);
	ck_assert_mem_eq(text, "main/>\n", 7);
	ck_assert(vk_file_read(file, 10, text, sizeof(text), &length, NULL));
	ck_assert_uint_eq(length, 0);
	ck_assert(vk_file_read(file, G_MAXUINT64, text, sizeof(text), &length, NULL));
	ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(the_view_cache_loads_again_what_it_dropped)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());

	for (guint i = 0; i < 3; i++)
		at(tree, "guests/web/" T1 "/domain.xml");
	ck_assert_uint_eq(loads, 1);
	at(tree, "guests/web/" T2 "/domain.xml");
	at(tree, "guests/web/" T1 "/domain.xml");
	at(tree, "guests/db/" T1 "/domain.xml");
	ck_assert_uint_eq(loads, 3);
	at(tree, "guests/web/" T1 "/domain.xml");
	ck_assert_uint_eq(loads, 3);
	at(tree, "guests/web/" T2 "/domain.xml");
	ck_assert_uint_eq(loads, 4);
}
END_TEST

START_TEST(text_has_one_hole_at_its_end)
{
	g_autoptr(VkTree) tree = new_tree(two_guests());
	g_autoptr(VkFile) file =
		vk_tree_open(tree, at(tree, "guests/web/" T1 "/domain.xml").ino, NULL);
	guint64 place;
	gboolean found;

	ck_assert(vk_file_seek_data(file, 4, &found, &place, NULL));
	ck_assert(found && place == 4);
	ck_assert(vk_file_seek_hole(file, 4, &found, &place, NULL));
	ck_assert(found && place == 10);
	ck_assert(vk_file_seek_data(file, 10, &found, &place, NULL));
	ck_assert(!found);
	ck_assert(vk_file_seek_hole(file, 10, &found, &place, NULL));
	ck_assert(!found);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree");
	TCase *tcase = tcase_create("tree");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_latest_is_what_is_listed_last);
	tcase_add_test(tcase, has_the_documented_layout);
	tcase_add_test(tcase, loads_a_snapshot_when_somebody_looks_into_it);
	tcase_add_test(tcase, numbers_are_unique_and_agree);
	tcase_add_test(tcase, numbers_are_unique_even_if_the_hashes_are_not);
	tcase_add_test(tcase, numbers_stay_in_the_next_tree_and_the_next_mount);
	tcase_add_test(tcase, diff_tells_a_new_snapshot);
	tcase_add_test(tcase, diff_tells_what_went_and_what_was_renamed);
	tcase_add_test(tcase, leaves_out_what_is_not_usable);
	tcase_add_test(tcase, damage_in_one_snapshot_leaves_the_others);
	tcase_add_test(tcase, two_snapshots_of_one_second_are_both_shown);
	tcase_add_test(tcase, an_open_file_outlives_tree_and_cache);
	tcase_add_test(tcase, the_view_cache_loads_again_what_it_dropped);
	tcase_add_test(tcase, text_has_one_hole_at_its_end);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
