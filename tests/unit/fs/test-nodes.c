/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The nodes that the kernel knows, and the inode numbers of several file systems. */
#include "inodes.h"
#include "nodes.h"

#include <check.h>
#include <stdlib.h>

static const struct stat directory = {.st_mode = S_IFDIR | 0755};
static const struct stat file = {.st_mode = S_IFREG | 0644, .st_size = 7};

static void expect_path(VkNodes *nodes, guint64 number, const char *name, const char *path)
{
	g_autofree char *found = vk_nodes_path(nodes, number, name);

	ck_assert_pstr_eq(found, path);
}

START_TEST(makes_paths)
{
	g_autoptr(VkNodes) nodes = vk_nodes_new("/srv", &directory);
	g_autoptr(VkNodes) all = vk_nodes_new("", &directory);
	guint64 inner = vk_nodes_tell(nodes, VK_NODES_ROOT, "a", &directory);
	guint64 leaf = vk_nodes_tell(nodes, inner, "b", &file);

	expect_path(nodes, VK_NODES_ROOT, NULL, "/srv");
	expect_path(nodes, VK_NODES_ROOT, "x", "/srv/x");
	expect_path(nodes, leaf, NULL, "/srv/a/b");
	expect_path(nodes, inner, "c", "/srv/a/c");
	expect_path(nodes, 99, NULL, NULL);
	expect_path(all, VK_NODES_ROOT, NULL, "");
	expect_path(all, VK_NODES_ROOT, "x", "/x");
}
END_TEST

START_TEST(gives_one_number_to_a_name)
{
	g_autoptr(VkNodes) nodes = vk_nodes_new("", &directory);
	guint64 one = vk_nodes_tell(nodes, VK_NODES_ROOT, "a", &file);
	guint64 other = vk_nodes_tell(nodes, VK_NODES_ROOT, "b", &directory);
	VkNodeFacts facts;

	ck_assert_uint_ne(one, other);
	ck_assert_uint_eq(vk_nodes_tell(nodes, VK_NODES_ROOT, "a", &file), one);
	ck_assert_uint_ne(vk_nodes_tell(nodes, other, "a", &file), one);
	ck_assert(vk_nodes_facts(nodes, one, &facts));
	ck_assert_uint_eq(facts.size, 7);
	ck_assert(S_ISREG(facts.mode));
	ck_assert_uint_eq(vk_nodes_tell(nodes, 99, "a", &file), 0);
}
END_TEST

START_TEST(forgets_what_nothing_needs)
{
	g_autoptr(VkNodes) nodes = vk_nodes_new("", &directory);
	guint64 inner = vk_nodes_tell(nodes, VK_NODES_ROOT, "a", &directory);
	guint64 leaf = vk_nodes_tell(nodes, inner, "b", &file);
	guint64 again;

	vk_nodes_tell(nodes, inner, "b", &file);
	vk_nodes_forget(nodes, inner, 1);
	expect_path(nodes, leaf, NULL, "/a/b");
	vk_nodes_forget(nodes, leaf, 1);
	expect_path(nodes, leaf, NULL, "/a/b");
	vk_nodes_forget(nodes, leaf, 1);
	ck_assert_uint_eq(vk_nodes_count(nodes), 1);
	vk_nodes_forget(nodes, leaf, 1);
	vk_nodes_forget(nodes, VK_NODES_ROOT, 1);
	ck_assert_uint_eq(vk_nodes_count(nodes), 1);
	again = vk_nodes_tell(nodes, VK_NODES_ROOT, "a", &directory);
	ck_assert_uint_gt(again, leaf);
}
END_TEST

START_TEST(numbers_files_of_all_file_systems)
{
	g_autoptr(VkInodes) inodes = vk_inodes_new();
	guint64 first = vk_inodes_number(inodes, 8, 2);

	ck_assert_uint_eq(first, 2);
	ck_assert_uint_ne(vk_inodes_number(inodes, 9, 2), first);
	ck_assert_uint_ne(vk_inodes_number(inodes, 8, 3), first);
	ck_assert_uint_eq(vk_inodes_number(inodes, 8, 2), first);
	for (guint i = 0; i < 70000; i++)
		ck_assert_uint_ne(vk_inodes_number(inodes, 100 + i, 2), first);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nodes");
	TCase *tcase = tcase_create("nodes");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, makes_paths);
	tcase_add_test(tcase, gives_one_number_to_a_name);
	tcase_add_test(tcase, forgets_what_nothing_needs);
	tcase_add_test(tcase, numbers_files_of_all_file_systems);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
