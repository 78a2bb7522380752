/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans for a host that is not the one of the backup: networks, kernels, and no libvirt at all. */
#include "errors.h"
#include "plan-bed.h"

#include <check.h>
#include <string.h>

/* All notes, one a line. New string. */
static char *notes_of(const VkRestorePlan *made)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < made->notes->len; i++)
		g_string_append_printf(text, "%s\n", (const char *)made->notes->pdata[i]);
	return g_string_free(text, FALSE);
}

static void assert_note(const VkRestorePlan *made, const char *word)
{
	g_autofree char *notes = notes_of(made);

	ck_assert_msg(strstr(notes, word) != NULL, "no '%s' in: %s", word, notes);
}

/* ---- what the host lacks ---- */

START_TEST(a_missing_network_is_noted)
{
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.lacking = "default";
	made = must_plan();
	assert_note(made, "network 'default' does not exist");
	assert_note(made, "--network OLD=NEW");
}
END_TEST

START_TEST(what_will_not_start_is_refused)
{
	bed.facts.lacking = "default";
	bed.options.start = TRUE;
	assert_refused(VK_ERROR_FAILED, "network 'default' does not exist");
}
END_TEST

START_TEST(nor_is_a_running_guest_shut_down_for_it)
{
	bed.facts.lacking = "default";
	put_in_place();
	bed.facts.state = VK_GUEST_RUNNING;
	assert_refused(VK_ERROR_FAILED, "--no-network");
}
END_TEST

START_TEST(a_host_that_has_all_is_not_talked_of)
{
	g_autoptr(VkRestorePlan) made = NULL;

	bed.options.start = TRUE;
	made = must_plan();
	ck_assert_uint_eq(made->notes->len, 0);
}
END_TEST

/* ---- networks ---- */

static const struct {
	const char *word;
	const char *expected;
} networks[] = {
	{"default=lan", "<interface type=\"network\"><mac address=\"52:54:00:00:00:01\"/><source "
			"network=\"lan\"/>"},
	{"default=bridge:br1", "<interface type=\"bridge\"><mac address=\"52:54:00:00:00:01\"/>"
			       "<source bridge=\"br1\"/>"},
	{"default=network:a=b", "network=\"a=b\""},
};

START_TEST(interfaces_go_to_another_network)
{
	g_autoptr(VkRestorePlan) made = NULL;

	set_list(&bed.options.networks, networks[_i].word);
	bed.facts.lacking = "default";
	bed.options.start = TRUE;
	made = must_plan();
	ck_assert_msg(strstr(made->domain_xml, networks[_i].expected) != NULL, "%s",
		      made->domain_xml);
}
END_TEST

START_TEST(a_network_that_it_was_not_on_is_not_found)
{
	set_list(&bed.options.networks, "br7=br0");
	assert_refused(VK_ERROR_NOT_FOUND, "'br7'");
}
END_TEST

START_TEST(without_a_network_it_has_no_interface)
{
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.lacking = "default";
	bed.options.no_network = TRUE;
	bed.options.start = TRUE;
	made = must_plan();
	ck_assert_ptr_null(strstr(made->domain_xml, "<interface"));
	assert_note(made, "no network interface");
}
END_TEST

START_TEST(networks_are_for_whole_guests_and_have_two_names)
{
	static const char *const wrong[] = {"br0", "=br0", "br0=", "br0=bridge:"};

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		set_list(&bed.options.networks, wrong[i]);
		assert_usage("OLD=NEW");
	}
	set_list(&bed.options.networks, "a=b");
	bed.options.no_network = TRUE;
	assert_usage("--no-network");
	set_list(&bed.options.networks, "a=b");
	set_list(&bed.options.disks, "vda");
	assert_usage("whole guest");
}
END_TEST

/* ---- what it is booted from ---- */

static VkFileRecord *add_file(const char *name, const char *role, const char *path)
{
	VkFileRecord *file = vk_file_record_new();

	file->name = g_strdup(name);
	file->role = g_strdup(role);
	file->path = g_strdup(path);
	file->mode = 0600;
	file->image = vk_image_record_new(1000);
	g_ptr_array_add(bed.snapshot->files, file);
	return file;
}

/* The guest is booted from KERNEL, which was saved. */
static VkFileRecord *boot_from(const char *kernel)
{
	g_autofree char *element = g_strdup_printf("<kernel>%s</kernel></os>", kernel);
	g_autoptr(GString) xml = g_string_new(bed.snapshot->domain_xml);

	g_string_replace(xml, "</os>", element, 1);
	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = g_strdup(xml->str);
	return add_file("kernel", "boot", kernel);
}

static void assert_kernel(const VkRestorePlan *made, const char *path)
{
	g_autofree char *element = g_strdup_printf("<kernel>%s</kernel>", path);

	ck_assert_uint_eq(made->items->len, 2);
	ck_assert_str_eq(item_at(made, 1)->path, path);
	ck_assert_uint_eq(item_at(made, 1)->place.mode, 0644);
	ck_assert_msg(strstr(made->domain_xml ? made->domain_xml : made->definition, element) !=
			      NULL,
		      "no '%s'", element);
}

START_TEST(a_kernel_that_is_there_is_used)
{
	g_autofree char *kernel = path_in("pool/bzImage");
	g_autoptr(VkRestorePlan) made = NULL;

	touch("pool/bzImage");
	boot_from(kernel);
	made = must_plan();
	ck_assert_uint_eq(made->items->len, 1);
	ck_assert_ptr_nonnull(strstr(made->domain_xml, kernel));
}
END_TEST

START_TEST(a_kernel_that_is_gone_comes_back_where_it_was)
{
	g_autofree char *kernel = path_in("pool/bzImage");
	g_autoptr(VkRestorePlan) made = NULL;

	boot_from(kernel);
	bed.facts.lacking = kernel; /* that the plan itself brings it is known */
	bed.options.start = TRUE;
	made = must_plan();
	assert_kernel(made, kernel);
}
END_TEST

/* Neither a directory that the host has not, nor one of its own. */
START_TEST(else_it_goes_with_the_disks)
{
	g_autofree char *kernel = path_in("web 1-kernel");
	g_autoptr(VkRestorePlan) made = NULL;

	boot_from(_i ? "/boot/vmlinuz-of-the-other-host" : "/no/such/place/bzImage");
	made = must_plan();
	assert_kernel(made, kernel);
}
END_TEST

START_TEST(to_a_directory_goes_its_own)
{
	g_autofree char *there = path_in("bzImage");
	g_autofree char *kernel = path_in("pool/web 1-kernel");
	g_autoptr(VkRestorePlan) made = NULL;

	touch("bzImage");
	boot_from(there);
	bed.options.directory = path_in("pool");
	made = must_plan();
	assert_kernel(made, kernel);
}
END_TEST

START_TEST(a_kernel_has_a_size_that_can_be)
{
	boot_from("/no/such/place/bzImage")->image->size = VK_BOOT_FILE_MAX + 1ull;
	assert_refused(VK_ERROR_DAMAGE, "kernel");
}
END_TEST

START_TEST(a_file_that_the_definition_has_not_is_not_written)
{
	g_autoptr(VkRestorePlan) made = NULL;

	add_file("kernel", "boot", "/no/such/place/bzImage");
	made = must_plan();
	ck_assert_uint_eq(made->items->len, 1);
}
END_TEST

/* ---- without libvirt ---- */

START_TEST(without_libvirt_all_goes_to_the_directory)
{
	g_autofree char *disk = path_in("pool/web 1-vda.qcow2");
	g_autofree char *definition = path_in("pool/web 1-domain.xml");
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.unreachable_libvirt = TRUE;
	bed.options.directory = path_in("pool");
	made = must_plan();
	ck_assert_int_eq(made->kind, VK_RESTORE_PARTS);
	ck_assert_ptr_null(made->domain_xml);
	ck_assert_uint_eq(made->items->len, 2);
	ck_assert_str_eq(item_at(made, 0)->path, disk);
	ck_assert_str_eq(item_at(made, 1)->path, definition);
	ck_assert_ptr_nonnull(strstr(item_at(made, 1)->text, disk));
	ck_assert_ptr_nonnull(strstr(item_at(made, 1)->text, UUID));
	ck_assert_ptr_nonnull(strstr(made->command, "virsh define '"));
	ck_assert_ptr_nonnull(strstr(made->command, definition));
	assert_note(made, "nobody listens");
}
END_TEST

START_TEST(also_as_a_new_guest)
{
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.unreachable_libvirt = TRUE;
	bed.options.directory = path_in("pool");
	bed.options.as_name = g_strdup("new");
	made = must_plan();
	ck_assert_ptr_nonnull(strstr(made->definition, "<name>new</name>"));
	ck_assert_ptr_null(strstr(made->definition, UUID));
}
END_TEST

START_TEST(so_does_its_firmware)
{
	g_autofree char *nvram = path_in("pool/web 1_VARS.fd");
	g_autofree char *state = path_in("pool/web 1-swtpm/" UUID "/tpm2/tpm2-00.permall");
	g_autofree char *copy = NULL;
	g_autoptr(VkRestorePlan) made = NULL;

	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = g_strdup(
		"<domain type='kvm'><name>web 1</name><uuid>" UUID "</uuid><memory>1</memory>"
		"<os><type>hvm</type><loader type='pflash'>/l</loader><nvram>/old</nvram></os>"
		"<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
		"</devices></domain>");
	g_ptr_array_set_size(bed.snapshot->disks, 0);
	add_file("nvram.fd", "nvram", "/old");
	add_file("tpm2-00.permall", "tpm", "/x/tpm2-00.permall");
	bed.facts.unreachable_libvirt = TRUE;
	bed.options.directory = path_in("pool");
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, nvram);
	ck_assert_str_eq(item_at(made, 1)->path, state);
	ck_assert_ptr_nonnull(strstr(made->definition, nvram));
	copy = g_strdup_printf("cp -a '%s/web 1-swtpm/.' '%s'/ && virsh define",
			       bed.options.directory, bed.dir);
	ck_assert_msg(strstr(made->command, copy) != NULL, "%s", made->command);
}
END_TEST

START_TEST(without_libvirt_nothing_starts)
{
	bed.facts.unreachable_libvirt = TRUE;
	bed.options.directory = path_in("pool");
	bed.options.start = TRUE;
	assert_refused(VK_ERROR_FAILED, "--start");
}
END_TEST

int main(void)
{
	const VkPlanTest tests[] = {
		{a_missing_network_is_noted, 1},
		{what_will_not_start_is_refused, 1},
		{nor_is_a_running_guest_shut_down_for_it, 1},
		{a_host_that_has_all_is_not_talked_of, 1},
		{interfaces_go_to_another_network, G_N_ELEMENTS(networks)},
		{a_network_that_it_was_not_on_is_not_found, 1},
		{without_a_network_it_has_no_interface, 1},
		{networks_are_for_whole_guests_and_have_two_names, 1},
		{a_kernel_that_is_there_is_used, 1},
		{a_kernel_that_is_gone_comes_back_where_it_was, 1},
		{else_it_goes_with_the_disks, 2},
		{to_a_directory_goes_its_own, 1},
		{a_kernel_has_a_size_that_can_be, 1},
		{a_file_that_the_definition_has_not_is_not_written, 1},
		{without_libvirt_all_goes_to_the_directory, 1},
		{also_as_a_new_guest, 1},
		{so_does_its_firmware, 1},
		{without_libvirt_nothing_starts, 1},
	};

	return run_plan_loops("plan-new-host", tests, G_N_ELEMENTS(tests));
}
