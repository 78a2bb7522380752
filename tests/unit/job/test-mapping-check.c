/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mapping-check.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static char *root; /* the NFS mount */

static void setup(void)
{
	g_autofree char *made = g_dir_make_tmp("virtkeep-mapping-XXXXXX", NULL);
	g_autofree char *file = NULL;

	root = realpath(made, NULL);
	file = g_build_filename(root, "a.img", NULL);
	ck_assert(g_file_set_contents(file, "", -1, NULL));
}

static void teardown(void)
{
	g_autofree char *file = g_build_filename(root, "a.img", NULL);

	g_unlink(file);
	g_rmdir(root);
	free(root);
}

static void disk_free(gpointer data)
{
	VkFoundDisk *disk = data;

	g_free(disk->path);
	vk_mount_facts_free(disk->mount);
	g_free(disk);
}

static VkFoundGuest *guest_new(const char *name)
{
	VkFoundGuest *guest = g_new0(VkFoundGuest, 1);

	guest->name = g_strdup(name);
	guest->disks = g_ptr_array_new_with_free_func(disk_free);
	guest->passthrough = g_ptr_array_new();
	guest->problems = g_ptr_array_new_with_free_func(g_free);
	return guest;
}

/* SOURCE and FSTYPE are of the mount; NULL: unknown, as for devices. */
static VkFoundDisk *add_disk(VkFoundGuest *guest, const char *path, const char *fstype,
			     const char *source)
{
	VkFoundDisk *disk = g_new0(VkFoundDisk, 1);

	disk->path = g_strdup(path);
	if (fstype) {
		disk->mount = g_new0(VkMountFacts, 1);
		disk->mount->fstype = g_strdup(fstype);
		disk->mount->source = g_strdup(source);
		disk->mount->mountpoint = g_strdup(root);
	}
	g_ptr_array_add(guest->disks, disk);
	return disk;
}

/* web1 with a local file and a device, db1 with a file on NFS. */
static void add_guests(VkMappingCheck *check)
{
	g_autoptr(VkFoundGuest) db1 = guest_new("db1"), web1 = guest_new("web1");
	g_autofree char *path = g_build_filename(root, "a.img", NULL);

	add_disk(db1, path, "nfs4", "svm1:/vmstore");
	add_disk(web1, "/dev/mapper/lun1", NULL, NULL);
	add_disk(web1, "/srv/web1.raw", "xfs", "/dev/sda1");
	add_disk(web1, "/srv/left.raw", "xfs", "/dev/sda1")->reason = "excluded";
	add_disk(web1, NULL, NULL, NULL);
	vk_mapping_check_add(check, db1);
	vk_mapping_check_add(check, web1);
}

#define RIGHT "db1:svm1:/vmstore/a.img;web1:kvm1:/srv/web1.raw;web1:kvm1:/dev/mapper/lun1"

static void expect_wrong(const VkMappingCheck *check, const char *expected)
{
	const GPtrArray *wrong = vk_mapping_check_wrong(check);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < wrong->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(wrong, i));
	ck_assert_str_eq(text->str, expected);
	ck_assert_int_eq(vk_mapping_check_is_right(check), wrong->len == 0);
}

START_TEST(first_mapping_is_made)
{
	g_autoptr(VkMappingCheck) check = vk_mapping_check_new("kvm1", NULL);
	g_autofree char *mapping = NULL;

	add_guests(check);
	mapping = vk_mapping_check_finish(check);
	ck_assert_str_eq(mapping, RIGHT);
	ck_assert_uint_eq(vk_mapping_check_wrong(check)->len, 0);
	ck_assert(!vk_mapping_check_is_right(check));
}
END_TEST

/* In any order, under other names of the array, and for devices whatever the array calls them. */
START_TEST(right_mappings_are_right)
{
	static const char *const mappings[] = {
		RIGHT,
		"web1:kvm1:/srv/web1.raw;web1:kvm1:/dev/mapper/lun1;db1:svm1:/vmstore/a.img;",
		"web1:svm2:/vol/vol1/lun1;db1:svm1-lif2:/vol/vmstore/a.img;web1:kvm1:/srv/web1.raw",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(mappings); i++) {
		g_autoptr(VkMappingCheck) check = vk_mapping_check_new("kvm1", mappings[i]);
		g_autofree char *mapping = NULL;

		add_guests(check);
		mapping = vk_mapping_check_finish(check);
		expect_wrong(check, "");
	}
}
END_TEST

/* A mapping of db1's a.img by a mount of SOURCE, of which only PART is mounted (NULL: all). */
static char *map_on_nfs(const char *configured, const char *source, const char *part,
			gboolean *ret_right)
{
	g_autoptr(VkMappingCheck) check = vk_mapping_check_new("kvm1", configured);
	g_autoptr(VkFoundGuest) db1 = guest_new("db1");
	g_autofree char *path = g_build_filename(root, "a.img", NULL);
	char *mapping;

	add_disk(db1, path, "nfs4", source)->mount->root = g_strdup(part);
	vk_mapping_check_add(check, db1);
	mapping = vk_mapping_check_finish(check);
	*ret_right = vk_mapping_check_is_right(check);
	return mapping;
}

START_TEST(paths_on_nfs_compare_as_there)
{
	static const struct {
		const char *configured, *source, *part;
		gboolean is_right;
	} cases[] = {
		{"db1:svm1:/vmstore/a.img", "svm1:/vmstore", "/", TRUE},
		{"db1:svm1:/vmstore/a.img", "svm1:/vmstore/", NULL, TRUE},
		{"db1:svm1:/vmstore//./a.img", "svm1:/vmstore", NULL, TRUE},
		{"db1:svm1:/vol/VMstore/a.img", "svm1:/vmstore", NULL, TRUE},
		{"db1:svm1:/vmstore/a.img", "svm1:/vol/VMSTORE", NULL, TRUE},
		{"db1:svm1:/vmstore/sub/a.img", "svm1:/vmstore", "/sub", TRUE},
		{"db1:svm1:/a.img", "svm1:/", "/", TRUE},
		{"db1:[fd00::1]:/vmstore/a.img", "[fd00::1]:/vmstore", NULL, TRUE},
		{"db1:svm1:/vmstore/A.img", "svm1:/vmstore", NULL, FALSE},
		{"db1:svm1:/vmstore/a.img", "svm1:/vmstore", "/sub", FALSE},
		{"db1:svm1:/vmstore2/a.img", "svm1:/vmstore", NULL, FALSE},
		{"db1:svm1:/a.img", "svm1:/vmstore", NULL, FALSE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gboolean is_right = FALSE;
		g_autofree char *mapping =
			map_on_nfs(cases[i].configured, cases[i].source, cases[i].part, &is_right);

		ck_assert_msg(is_right == cases[i].is_right, "%s on %s: %s", cases[i].configured,
			      cases[i].source, mapping);
	}
}
END_TEST

/* What is made of nothing: all of the path, and an address that can be read again. */
START_TEST(whole_paths_on_nfs_are_told)
{
	gboolean is_right;
	g_autofree char *bound = map_on_nfs(NULL, "svm1:/vmstore/", "/sub", &is_right);
	g_autofree char *six = map_on_nfs(NULL, "[fd00::1]:/", NULL, &is_right);

	ck_assert_str_eq(bound, "db1:svm1:/vmstore/sub/a.img");
	ck_assert_str_eq(six, "db1:[fd00::1]:/a.img");
}
END_TEST

START_TEST(what_the_array_calls_a_device_stays)
{
	g_autoptr(VkMappingCheck) check =
		vk_mapping_check_new("kvm1", "web1:svm2:/vol/vol1/lun1;web1:kvm1:/srv/old.raw");
	g_autofree char *mapping = NULL;

	add_guests(check);
	mapping = vk_mapping_check_finish(check);
	ck_assert_str_eq(mapping, "db1:svm1:/vmstore/a.img;web1:kvm1:/srv/web1.raw;"
				  "web1:svm2:/vol/vol1/lun1");
}
END_TEST

START_TEST(wrong_and_missing_entries_are_named)
{
	g_autoptr(VkMappingCheck) check = vk_mapping_check_new(
		"kvm1", "db1:kvm1:/vmstore/a.img;gone:svm1:/vol/x;web1:kvm2:/srv/web1.raw");
	g_autofree char *mapping = NULL, *expected = NULL;

	expected = g_strdup_printf(
		"guest 'db1': KVM_VM_MAPPING lacks its disk '%s/a.img'\n"
		"guest 'web1': KVM_VM_MAPPING lacks its disk '/srv/web1.raw'\n"
		"guest 'db1': KVM_VM_MAPPING has 'kvm1:/vmstore/a.img', where no disk of it was "
		"found\n"
		"guest 'gone': KVM_VM_MAPPING has 'svm1:/vol/x', where no disk of it was found\n",
		root);
	add_guests(check);
	mapping = vk_mapping_check_finish(check);
	expect_wrong(check, expected);
}
END_TEST

/* Of a guest that was not seen whole, nothing is wrong, and nothing gets lost. */
START_TEST(entries_of_unseen_guests_stay)
{
	g_autoptr(VkMappingCheck) check = vk_mapping_check_new(
		"kvm1", "a:kvm1:/srv/a.raw;b:kvm1:/srv/b.raw;b:kvm1:/srv/c.raw");
	g_autoptr(VkFoundGuest) b = guest_new("b");
	g_autofree char *mapping = NULL;

	add_disk(b, "/srv/b.raw", "xfs", "/dev/sda1");
	g_ptr_array_add(b->problems, g_strdup("no answer"));
	vk_mapping_check_keep(check, "a");
	vk_mapping_check_add(check, b);
	mapping = vk_mapping_check_finish(check);
	ck_assert_str_eq(mapping, "a:kvm1:/srv/a.raw;b:kvm1:/srv/b.raw;b:kvm1:/srv/c.raw");
	expect_wrong(check, "");
}
END_TEST

START_TEST(names_that_do_not_fit_are_told)
{
	g_autoptr(VkMappingCheck) check = vk_mapping_check_new("kvm1", NULL);
	g_autoptr(VkFoundGuest) odd = guest_new("a;b");
	g_autofree char *mapping = NULL;

	add_disk(odd, "/srv/a.raw", "xfs", "/dev/sda1");
	vk_mapping_check_add(check, odd);
	mapping = vk_mapping_check_finish(check);
	ck_assert_str_eq(mapping, "");
	ck_assert_uint_eq(vk_mapping_check_untold(check)->len, 1);
	ck_assert_ptr_nonnull(
		strstr(g_ptr_array_index(vk_mapping_check_untold(check), 0), "'a;b'"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mapping-check");
	TCase *cases = tcase_create("mapping-check");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, first_mapping_is_made);
	tcase_add_test(cases, right_mappings_are_right);
	tcase_add_test(cases, paths_on_nfs_compare_as_there);
	tcase_add_test(cases, whole_paths_on_nfs_are_told);
	tcase_add_test(cases, what_the_array_calls_a_device_stays);
	tcase_add_test(cases, wrong_and_missing_entries_are_named);
	tcase_add_test(cases, entries_of_unseen_guests_stay);
	tcase_add_test(cases, names_that_do_not_fit_are_told);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
