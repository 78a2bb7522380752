/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: what is selected, where it goes, what is refused. */
#include "errors.h"
#include "plan-place.h"
#include "plan-bed.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(contradictions_are_usage_errors)
{
	bed.options.in_place = TRUE;
	bed.options.as_name = g_strdup("x");
	assert_usage("--as");
	bed.options.in_place = TRUE;
	bed.options.directory = g_strdup("x");
	assert_usage("--to");
	bed.options.in_place = TRUE;
	set_list(&bed.options.files, "domain.xml");
	assert_usage("--file");
	bed.options.in_place = TRUE;
	set_list(&bed.options.disks, "vda=x");
	assert_usage("--in-place");
	set_list(&bed.options.disks, "vda");
	bed.options.as_name = g_strdup("x");
	assert_usage("--as");
	set_list(&bed.options.disks, "vda");
	bed.options.start = TRUE;
	assert_usage("--start");
	set_list(&bed.options.snapshots, "a,b");
	set_list(&bed.options.disks, "vda=x");
	assert_usage("--to");
	set_list(&bed.options.snapshots, "a,b");
	bed.options.as_name = g_strdup("x");
	assert_usage("--as");
	set_list(&bed.options.files, "a=-,b=-");
	assert_usage("stdout");
	set_list(&bed.options.disks, "vda=-");
	assert_usage("--file");
	bed.options.format = g_strdup("vmdk");
	assert_usage("vmdk");
	bed.options.as_name = g_strdup("a/b");
	assert_usage("a/b");
	set_list(&bed.options.disks, "vda=");
	assert_usage("=");
	set_list(&bed.options.snapshots, "");
	assert_usage("no snapshot");
}
END_TEST

START_TEST(json_and_stdout_exclude_each_other)
{
	set_list(&bed.options.snapshots, "a");
	set_list(&bed.options.files, "domain.xml=-");
	ck_assert(vk_restore_options_check(&bed.options, FALSE, NULL));
	ck_assert(!vk_restore_options_check(&bed.options, TRUE, &bed.error));
}
END_TEST

START_TEST(a_disk_goes_where_it_is_told)
{
	g_autofree char *path = path_in("copy=of vda");
	g_autofree char *part = g_strdup_printf("vda=%s", path);
	g_autoptr(VkRestorePlan) made = NULL;

	set_list(&bed.options.disks, part);
	made = must_plan();
	ck_assert_uint_eq(made->items->len, 1);
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(item_at(made, 0)->place.format, "qcow2");
	ck_assert(!item_at(made, 0)->exists);
	ck_assert_ptr_null(made->domain_xml);
}
END_TEST

START_TEST(parts_are_named_after_the_guest)
{
	g_autofree char *disk = path_in("web 1-vda.raw");
	g_autofree char *file = path_in("web 1-domain.xml");
	g_autoptr(VkRestorePlan) made = NULL;

	set_list(&bed.options.disks, "vda");
	set_list(&bed.options.files, "domain.xml");
	bed.options.directory = g_strdup(bed.dir);
	bed.options.format = g_strdup("raw");
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, disk);
	ck_assert_str_eq(item_at(made, 0)->place.format, "raw");
	ck_assert_str_eq(item_at(made, 1)->path, file);
	ck_assert_str_eq(item_at(made, 1)->text, bed.snapshot->domain_xml);
}
END_TEST

START_TEST(names_fit_into_a_directory)
{
	g_autoptr(GString) guest = g_string_new(NULL);
	g_autofree char *name = NULL;
	g_autofree char *evil = vk_place_file_name("../a/b", "vda.raw");

	for (int i = 0; i < 200; i++)
		g_string_append(guest, "ü");
	name = vk_place_file_name(guest->str, "vda.qcow2");
	ck_assert_uint_lt(strlen(name), 200);
	ck_assert(g_utf8_validate(name, -1, NULL));
	ck_assert(g_str_has_suffix(name, "ü-vda.qcow2"));
	ck_assert_str_eq(evil, "_._a_b-vda.raw");
}
END_TEST

START_TEST(unknown_parts_are_not_found)
{
	set_list(&bed.options.disks, "vdz");
	assert_refused(VK_ERROR_NOT_FOUND, "vda");
}
END_TEST

START_TEST(unknown_files_are_not_found)
{
	set_list(&bed.options.files, "vdz.raw");
	assert_refused(VK_ERROR_NOT_FOUND, "vda.raw");
}
END_TEST

START_TEST(an_existing_file_needs_force)
{
	bed.options.directory = g_strdup(bed.dir);
	set_list(&bed.options.disks, "vda");
	touch("web 1-vda.qcow2");
	assert_refused(VK_ERROR_EXISTS, "--force");
}
END_TEST

START_TEST(force_keeps_the_mode)
{
	g_autofree char *path = path_in("web 1-vda.qcow2");
	g_autoptr(VkRestorePlan) made = NULL;

	bed.options.directory = g_strdup(bed.dir);
	bed.options.force = TRUE;
	set_list(&bed.options.disks, "vda");
	touch("web 1-vda.qcow2");
	ck_assert_int_eq(g_chmod(path, 04640), 0);
	made = must_plan();
	ck_assert(item_at(made, 0)->exists);
	ck_assert_uint_eq(item_at(made, 0)->place.mode, 0640);
}
END_TEST

START_TEST(a_file_that_qemu_has_locked_is_busy_even_with_force)
{
	g_autofree char *path = path_in("web 1-vda.qcow2");
	struct flock lock = {.l_type = F_RDLCK, .l_start = 101, .l_len = 1};
	int fd;

	bed.options.directory = g_strdup(bed.dir);
	bed.options.force = TRUE;
	set_list(&bed.options.disks, "vda");
	touch("web 1-vda.qcow2");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_refused(VK_ERROR_BUSY, "--in-place");
	close(fd);
}
END_TEST

START_TEST(two_items_of_one_path_are_refused)
{
	g_autoptr(GPtrArray) plans = g_ptr_array_new();
	g_autoptr(VkRestorePlan) made = NULL;

	bed.options.directory = g_strdup(bed.dir);
	set_list(&bed.options.disks, "vda");
	made = must_plan();
	g_ptr_array_add(plans, made);
	ck_assert(vk_restore_plan_check_distinct(plans, NULL));
	g_ptr_array_add(plans, made);
	ck_assert(!vk_restore_plan_check_distinct(plans, &bed.error));
}
END_TEST

START_TEST(nothing_is_written_into_the_vault)
{
	g_autofree char *path = path_in("web.qcow2");
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *above = g_path_get_dirname(directory);
	g_autoptr(VkRestorePlan) made = plan();

	ck_assert(vk_restore_plan_check_outside(made, NULL, NULL));
	ck_assert(vk_restore_plan_check_outside(made, "/proc", NULL));
	ck_assert(!vk_restore_plan_check_outside(made, above, NULL));
	ck_assert(!vk_restore_plan_check_outside(made, directory, &bed.error));
	ck_assert(g_error_matches(bed.error, VK_ERROR, VK_ERROR_USAGE));
}
END_TEST

START_TEST(a_deleted_guest_comes_back_where_it_was)
{
	g_autofree char *path = path_in("web.qcow2");
	g_autoptr(VkRestorePlan) made = must_plan();

	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(made->guest, "web 1");
	ck_assert_str_eq(made->uuid, UUID);
	ck_assert(made->autostart);
	ck_assert(strstr(made->domain_xml, "52:54:00:00:00:01") != NULL);
}
END_TEST

START_TEST(an_existing_guest_is_refused)
{
	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	assert_refused(VK_ERROR_EXISTS, "--in-place");
}
END_TEST

START_TEST(a_running_guest_is_refused)
{
	bed.facts.name = "renamed";
	bed.facts.uuid = UUID;
	bed.facts.state = VK_GUEST_RUNNING;
	assert_refused(VK_ERROR_EXISTS, "running");
}
END_TEST

START_TEST(a_guest_of_the_same_name_is_refused)
{
	bed.facts.name = "web 1";
	bed.facts.uuid = OTHER_UUID;
	assert_refused(VK_ERROR_EXISTS, "--as");
}
END_TEST

START_TEST(a_deleted_guest_does_not_overwrite)
{
	touch("web.qcow2");
	assert_refused(VK_ERROR_EXISTS, "--to");
}
END_TEST

START_TEST(a_new_guest_differs_from_the_original)
{
	g_autofree char *path = path_in("Köln 2-vda.qcow2");
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.state = VK_GUEST_RUNNING;
	touch("web.qcow2");
	bed.options.as_name = g_strdup("Köln 2");
	bed.options.start = TRUE;
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_ne(made->uuid, UUID);
	ck_assert(!made->autostart && made->start);
	ck_assert(strstr(made->domain_xml, UUID) == NULL);
	ck_assert(strstr(made->domain_xml, "52:54:00:00:00:01") == NULL);
	ck_assert(strstr(made->domain_xml, made->uuid) != NULL);
	ck_assert(strstr(made->domain_xml, path) != NULL);
}
END_TEST

START_TEST(a_new_guest_needs_a_free_name)
{
	bed.facts.name = "taken";
	bed.facts.uuid = OTHER_UUID;
	bed.options.as_name = g_strdup("taken");
	assert_refused(VK_ERROR_EXISTS, "taken");
}
END_TEST

START_TEST(a_new_guest_does_not_share_unsaved_disks)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *unsaved = file_disk("vdb", "unsaved.qcow2");
	g_autofree char *both = g_strconcat(disk, unsaved, NULL);
	g_autoptr(VkRestorePlan) made = NULL;

	set_xml(both);
	bed.options.as_name = g_strdup("new");
	made = must_plan();
	ck_assert(strstr(made->domain_xml, "unsaved") == NULL);
	ck_assert_uint_eq(made->notes->len, 1);
}
END_TEST

START_TEST(firmware_of_a_new_guest_has_own_places)
{
	g_autofree char *nvram = path_in("new_VARS.fd");
	g_autofree char *tpm = NULL;
	g_autoptr(VkRestorePlan) made = NULL;
	static const char *const roles[] = {"nvram", "tpm"};
	static const char *const names[] = {"nvram.fd", "tpm2-00.permall"};

	for (int i = 0; i < 2; i++) {
		VkFileRecord *file = vk_file_record_new();

		file->name = g_strdup(names[i]);
		file->role = g_strdup(roles[i]);
		file->path = g_strdup_printf("%s/%s/tpm2/tpm2-00.permall", bed.dir, UUID);
		file->mode = 0600;
		file->image = vk_image_record_new(100);
		g_ptr_array_add(bed.snapshot->files, file);
	}
	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = g_strdup(
		"<domain type='kvm'><name>web 1</name><uuid>" UUID "</uuid><memory>1</memory>"
		"<os><type>hvm</type><loader type='pflash'>/l</loader><nvram>/old</nvram></os>"
		"<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
		"</devices></domain>");
	g_ptr_array_set_size(bed.snapshot->disks, 0);
	bed.options.as_name = g_strdup("new");
	made = must_plan();
	tpm = g_strdup_printf("%s/%s/tpm2/tpm2-00.permall", bed.dir, made->uuid);
	ck_assert_str_eq(item_at(made, 0)->path, nvram);
	ck_assert_str_eq(item_at(made, 1)->path, tpm);
	ck_assert_ptr_nonnull(item_at(made, 1)->owner_directory);
	ck_assert(strstr(made->domain_xml, nvram) != NULL);
}
END_TEST

START_TEST(a_volume_goes_to_its_pool)
{
	g_autofree char *path = path_in("pool/vol");
	g_autoptr(VkRestorePlan) made = NULL;

	set_xml("<disk type='volume' device='disk'><source pool='pool' volume='vol'/>"
		"<target dev='vda'/></disk>");
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, path);
}
END_TEST

START_TEST(a_network_disk_needs_a_directory)
{
	set_xml("<disk type='network' device='disk'><source protocol='rbd' name='p/i'/>"
		"<target dev='vda'/></disk>");
	assert_refused(VK_ERROR_FAILED, "--to DIR");
}
END_TEST

START_TEST(a_block_device_that_is_gone_is_not_made_a_file)
{
	set_xml("<disk type='block' device='disk'><source dev='/dev/vk-none'/>"
		"<target dev='vda'/></disk>");
	assert_refused(VK_ERROR_NOT_FOUND, "--to DIR");
}
END_TEST

/* A loop device without a file has no bytes. NULL: there is none that we may open. New string. */
static char *empty_device(void)
{
	for (guint i = 0; i < 8; i++) {
		g_autofree char *path = g_strdup_printf("/dev/loop%u", i);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		gboolean is_empty = fd >= 0 && lseek(fd, 0, SEEK_END) == 0;

		if (fd >= 0)
			close(fd);
		if (is_empty)
			return g_steal_pointer(&path);
	}
	return NULL;
}

/* Before a guest is shut down for it. */
START_TEST(a_block_device_that_is_too_small_is_refused)
{
	g_autofree char *device = empty_device();
	g_autofree char *part = g_strdup_printf("vda=%s", device);

	if (!device)
		return;
	set_list(&bed.options.disks, part);
	bed.options.format = g_strdup("raw");
	bed.options.force = TRUE;
	assert_refused(VK_ERROR_FAILED, "is too small: it has 0 bytes, the disk 1048576");
}
END_TEST

START_TEST(a_drive_whose_medium_is_gone_is_left_empty)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *both =
		g_strconcat(disk,
			    "<disk type='file' device='cdrom'><source file='/none/x.iso'/>"
			    "<target dev='sda'/></disk>",
			    NULL);
	g_autoptr(VkRestorePlan) made = NULL;

	set_xml(both);
	made = must_plan();
	ck_assert(strstr(made->domain_xml, "x.iso") == NULL);
	ck_assert(strstr(made->domain_xml, "sda") != NULL);
	ck_assert_uint_eq(made->notes->len, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		contradictions_are_usage_errors,
		json_and_stdout_exclude_each_other,
		a_disk_goes_where_it_is_told,
		parts_are_named_after_the_guest,
		names_fit_into_a_directory,
		unknown_parts_are_not_found,
		unknown_files_are_not_found,
		an_existing_file_needs_force,
		force_keeps_the_mode,
		a_file_that_qemu_has_locked_is_busy_even_with_force,
		two_items_of_one_path_are_refused,
		nothing_is_written_into_the_vault,
		a_deleted_guest_comes_back_where_it_was,
		an_existing_guest_is_refused,
		a_running_guest_is_refused,
		a_guest_of_the_same_name_is_refused,
		a_deleted_guest_does_not_overwrite,
		a_new_guest_differs_from_the_original,
		a_new_guest_needs_a_free_name,
		a_new_guest_does_not_share_unsaved_disks,
		firmware_of_a_new_guest_has_own_places,
		a_volume_goes_to_its_pool,
		a_network_disk_needs_a_directory,
		a_block_device_that_is_gone_is_not_made_a_file,
		a_block_device_that_is_too_small_is_refused,
		a_drive_whose_medium_is_gone_is_left_empty,
	};

	return run_plan_tests("plan", tests, G_N_ELEMENTS(tests));
}
