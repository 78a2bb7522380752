/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots that somebody changed: what a plan does not believe of them. */
#include "errors.h"
#include "plan-bed.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THIRD_UUID "77777777-2222-3333-4444-555555555555"

static char *uefi_xml(const char *name, const char *uuid, const char *nvram)
{
	return g_strdup_printf("<domain type='kvm'><name>%s</name><uuid>%s</uuid><memory>1</memory>"
			       "<os><type>hvm</type><loader type='pflash'>/l</loader>"
			       "<nvram>%s</nvram></os><devices>"
			       "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
			       "</devices></domain>",
			       name, uuid, nvram);
}

static VkFileRecord *add_file(const char *name, const char *role, const char *path, guint64 size)
{
	VkFileRecord *file = vk_file_record_new();

	file->name = g_strdup(name);
	file->role = g_strdup(role);
	file->path = g_strdup(path);
	file->mode = 04777;
	file->image = vk_image_record_new(size);
	g_ptr_array_add(bed.snapshot->files, file);
	return file;
}

static void set_definition(char *xml)
{
	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = xml;
}

/* The snapshot's guest has firmware and no disk. NVRAM is where its variables were. */
static void set_firmware(const char *nvram)
{
	g_ptr_array_set_size(bed.snapshot->disks, 0);
	set_definition(uefi_xml("web 1", UUID, nvram));
	add_file("nvram.fd", "nvram", nvram, 1024);
}

static void know(const char *name, const char *uuid, const char *xml)
{
	bed.facts.name = name;
	bed.facts.uuid = uuid;
	bed.facts.xml = xml;
}

/* ---- names ---- */

START_TEST(a_definition_of_another_uuid_is_damage)
{
	set_definition(g_strdup("<domain><name>web 1</name><uuid>" OTHER_UUID "</uuid></domain>"));
	assert_refused(VK_ERROR_DAMAGE, OTHER_UUID);
}
END_TEST

START_TEST(a_definition_of_another_name_is_damage)
{
	set_definition(g_strdup("<domain><name>victim</name><uuid>" UUID "</uuid></domain>"));
	assert_refused(VK_ERROR_DAMAGE, "'victim'");
}
END_TEST

START_TEST(nor_is_it_taken_in_place_or_as_a_new_guest)
{
	g_autofree char *xml = domain_xml("web 1", "");

	set_definition(g_strdup("<domain><name>web 1</name><uuid>" OTHER_UUID "</uuid></domain>"));
	know("web 1", UUID, xml);
	bed.options.in_place = _i == 0;
	bed.options.as_name = _i == 1 ? g_strdup("new") : NULL;
	assert_refused(VK_ERROR_DAMAGE, OTHER_UUID);
}
END_TEST

START_TEST(a_name_with_a_slash_names_no_file)
{
	g_free(bed.snapshot->name);
	bed.snapshot->name = g_strdup("../x");
	set_definition(domain_xml("../x", ""));
	assert_refused(VK_ERROR_FAILED, "slash");
}
END_TEST

/* ---- firmware ---- */

START_TEST(variables_go_to_the_directory_of_libvirt)
{
	g_autofree char *own = path_in("web 1_VARS.fd");
	static const char *const evil[] = {"/etc/cron.d/evil", "/root/.bashrc", "relative",
					   "/proc/self/../../etc/passwd"};
	g_autoptr(VkRestorePlan) made = NULL;

	set_firmware(evil[_i]);
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, own);
	ck_assert(strstr(made->domain_xml, own) != NULL);
	ck_assert(strstr(made->domain_xml, evil[_i]) == NULL);
	ck_assert_uint_eq(item_at(made, 0)->place.mode, 0644);
}
END_TEST

/* Libvirt would make what the definition names, and give it to the guest. */
START_TEST(so_do_variables_that_were_not_saved)
{
	g_autofree char *own = path_in("web 1_VARS.fd");
	g_autofree char *in_it = path_in("other_VARS.fd");
	/* From "/" it would lie in the directory. */
	const char *const named[] = {"/etc/shadow", bed.dir, in_it + 1, in_it};
	const gboolean stays = strcmp(named[_i], in_it) == 0;
	g_autofree char *element = g_strdup_printf("<nvram>%s</nvram>", stays ? in_it : own);
	g_autoptr(VkRestorePlan) made = NULL;

	set_firmware(named[_i]);
	g_ptr_array_set_size(bed.snapshot->files, 0);
	made = must_plan();
	ck_assert_msg(strstr(made->domain_xml, element) != NULL, "%s", made->domain_xml);
	ck_assert_uint_eq(made->items->len, 0);
	ck_assert(strstr(g_ptr_array_index(made->notes, 0), "were not saved") != NULL);
	ck_assert(strstr(g_ptr_array_index(made->notes, 0), stays ? in_it : own) != NULL);
}
END_TEST

START_TEST(variables_that_were_in_it_go_back)
{
	g_autofree char *path = path_in("other_VARS.fd");
	g_autofree char *beyond = g_strdup_printf("%s/pool/../other_VARS.fd", bed.dir);
	g_autoptr(VkRestorePlan) made = NULL;

	set_firmware(_i ? beyond : path);
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, _i ? beyond : path);
}
END_TEST

START_TEST(a_link_does_not_lead_out_of_it)
{
	g_autofree char *link = path_in("link");
	g_autofree char *path = path_in("link/x.fd");
	g_autofree char *own = path_in("web 1_VARS.fd");
	g_autoptr(VkRestorePlan) made = NULL;

	ck_assert_int_eq(symlink("pool", link), 0);
	set_firmware(path);
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, own);
}
END_TEST

START_TEST(in_place_the_variables_of_another_guest_are_left)
{
	g_autofree char *path = path_in("victim_VARS.fd");
	g_autofree char *xml = uefi_xml("web 1", UUID, "/elsewhere");

	touch("victim_VARS.fd");
	set_firmware(path);
	know("web 1", UUID, xml);
	bed.options.in_place = TRUE;
	assert_refused(VK_ERROR_EXISTS, "victim_VARS.fd");
}
END_TEST

START_TEST(in_place_its_own_variables_are_replaced_wherever_they_are)
{
	g_autofree char *path = path_in("pool/own.fd");
	g_autofree char *xml = uefi_xml("web 1", UUID, path);
	g_autoptr(VkRestorePlan) made = NULL;

	touch("pool/own.fd");
	set_firmware(path);
	know("web 1", UUID, xml);
	bed.options.in_place = TRUE;
	made = must_plan();
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert(item_at(made, 0)->exists);
}
END_TEST

START_TEST(firmware_has_a_size_that_can_be)
{
	set_firmware("/x");
	((VkFileRecord *)g_ptr_array_index(bed.snapshot->files, 0))->image->size = (64u << 20) + 1;
	assert_refused(VK_ERROR_DAMAGE, "nvram.fd");
}
END_TEST

START_TEST(state_of_a_tpm_has_a_name_that_can_be)
{
	set_firmware("/x");
	add_file("authorized_keys", "tpm", "/x/authorized_keys", 100);
	assert_refused(VK_ERROR_DAMAGE, "authorized_keys");
}
END_TEST

/* Its directory is told by the uuid, its owner by what is there. */
START_TEST(state_of_a_tpm_goes_by_nothing_that_is_saved)
{
	g_autofree char *place = g_strdup_printf("%s/" UUID "/tpm2/tpm2-00.permall", bed.dir);
	g_autofree char *theirs = path_in("theirs");
	g_autofree char *saved = g_build_filename(theirs, "tpm2-00.permall", NULL);
	g_autoptr(VkRestorePlan) made = NULL;

	ck_assert_int_eq(g_mkdir(theirs, 0700), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(theirs, 65534, 65534), 0);
	set_firmware("/x");
	add_file("tpm2-00.permall", "tpm", saved, 100);
	made = must_plan();
	ck_assert_str_eq(item_at(made, 1)->path, place);
	ck_assert_uint_ne(item_at(made, 1)->place.uid, 65534);
	ck_assert_uint_eq(item_at(made, 1)->place.mode, 0644);
}
END_TEST

/* ---- disks ---- */

#define EVIL_PLACES 22
#define GOOD_PLACES 9

static void assert_no_place(const char *path)
{
	g_autofree char *disk =
		g_strdup_printf("<disk type='file' device='disk'><source file='%s'/>"
				"<target dev='vda'/></disk>",
				path);

	ck_assert_msg(!vk_planner_check_place(path, "vda", NULL), "%s", path);
	set_xml(disk);
	assert_refused(VK_ERROR_FAILED, "--to DIR");
}

START_TEST(a_disk_does_not_go_to_the_host_itself)
{
	static const char *const evil[] = {
		"/etc/cron.d/evil",
		"/root/.ssh/authorized_keys",
		"/usr/bin/x",
		"/tmp/../etc/x",
		"/proc/1/mem",
		"/lib64/x",
		"/lib/x",
		"/run/systemd/system/x.service",
		"/run/udev/rules.d/x.rules",
		"/var/run/x",
		"/usr/local/bin/x",
		"/usr/share/x",
		"/usr/libexec/x",
		"/usr/x",
		"/var/lib/dpkg/info/x.postinst",
		"/root/.bashrc",
		"/root/.config/autostart/x.desktop",
		"/root/.local/share/systemd/user/x.service",
		"/root/.local/share/libvirt/images/.ssh/x",
		"/root/.local/share/libvirt/images/../../../../.ssh/x",
		"etc/x",
		"x",
	};

	ck_assert_int_eq(G_N_ELEMENTS(evil), EVIL_PLACES);
	if (geteuid() != 0)
		return;
	assert_no_place(evil[_i]);
}
END_TEST

/* The places of the guests of users, and of what is plugged in. */
START_TEST(a_disk_goes_where_disks_are)
{
	static const char *const good[] = {
		"/home/u/.local/share/libvirt/images/vm.qcow2",
		"/home/u/.local/share/gnome-boxes/images/vm",
		"/home/u/.var/app/org.gnome.Boxes/data/gnome-boxes/images/vm",
		"/run/media/u/stick/vm.qcow2",
		"/var/lib/libvirt/images/vm.qcow2",
		"/srv/lib/usr/vm.qcow2",
		"/usrlocal/vm.qcow2",
		"/libvirt/vm.qcow2",
		"/root/vm.qcow2",
	};
	g_autoptr(GError) error = NULL;

	ck_assert_int_eq(G_N_ELEMENTS(good), GOOD_PLACES);
	ck_assert_msg(vk_planner_check_place(good[_i], "vda", &error), "%s",
		      error ? error->message : "");
}
END_TEST

START_TEST(in_place_a_file_of_others_needs_force)
{
	g_autofree char *own = file_disk("vda", "own.qcow2");
	g_autofree char *theirs = file_disk("vda", "theirs.qcow2");
	g_autofree char *xml = domain_xml("web 1", own);
	g_autoptr(VkRestorePlan) made = NULL;

	touch("own.qcow2");
	touch("theirs.qcow2");
	set_xml(theirs);
	know("web 1", UUID, xml);
	bed.options.in_place = TRUE;
	bed.options.force = _i == 1;
	if (!bed.options.force) {
		assert_refused(VK_ERROR_EXISTS, "theirs.qcow2");
		return;
	}
	made = must_plan();
	ck_assert(item_at(made, 0)->exists);
}
END_TEST

START_TEST(in_place_its_own_file_is_replaced_by_whatever_name)
{
	g_autofree char *present = file_disk("vda", "link.qcow2");
	g_autofree char *xml = domain_xml("web 1", present);
	g_autofree char *link = path_in("link.qcow2");
	g_autoptr(VkRestorePlan) made = NULL;

	touch("web.qcow2");
	ck_assert_int_eq(symlink("web.qcow2", link), 0);
	know("web 1", UUID, xml);
	bed.options.in_place = TRUE;
	made = must_plan();
	ck_assert(item_at(made, 0)->exists);
}
END_TEST

/* ---- what a definition says that a replaced file would lose ---- */

static const struct {
	const char *source; /* attributes and children of the saved definition's <source> */
	const char *word;   /* of the refusal; NULL: it is understood */
} sources[] = {
	{"><slices><slice type='storage' offset='0' size='1'/></slices></source>", "--to DIR"},
	{" fdgroup='g'/>", "fdgroup="},
	{"><newStore type='file'/></source>", "<newStore>"},
	{" startupPolicy='optional'/>", NULL},
};

static char *disk_with_source(const char *rest)
{
	return g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
			       "<source file='%s/web.qcow2'%s<target dev='vda'/></disk>",
			       bed.dir, rest);
}

/* In place, with force where it was, and one disk alone. */
START_TEST(what_is_not_understood_is_not_replaced)
{
	g_autofree char *disk = disk_with_source(sources[_i / 3].source);
	g_autoptr(VkRestorePlan) made = NULL;

	touch("web.qcow2");
	set_xml(disk);
	if (_i % 3 != 1)
		know("web 1", UUID, bed.snapshot->domain_xml);
	bed.options.in_place = _i % 3 != 1;
	bed.options.force = TRUE;
	if (_i % 3 == 2)
		set_list(&bed.options.disks, "vda");
	if (sources[_i / 3].word) {
		assert_refused(VK_ERROR_FAILED, sources[_i / 3].word);
		return;
	}
	made = must_plan();
	/* One disk that comes back to where it is leaves the definition alone. */
	if (_i % 3 == 2)
		ck_assert_ptr_null(made->domain_xml);
	else
		ck_assert_ptr_nonnull(strstr(made->domain_xml, "startupPolicy=\"optional\""));
}
END_TEST

/* In place, one disk alone, and where the image is gone: one file holds its data itself. */
START_TEST(a_data_file_is_not_declared_for_an_image_without)
{
	g_autofree char *disk = disk_with_source(
		"><dataStore type='file'><format type='raw'/><source file='/d/web.data'/>"
		"</dataStore></source>");
	g_autoptr(VkRestorePlan) made = NULL;

	set_xml(disk);
	if (_i < 2) {
		touch("web.qcow2");
		know("web 1", UUID, bed.snapshot->domain_xml);
		bed.options.in_place = TRUE;
	}
	if (_i == 1)
		set_list(&bed.options.disks, "vda");
	made = must_plan();
	ck_assert_ptr_nonnull(made->domain_xml);
	ck_assert_ptr_nonnull(strstr(made->domain_xml, "web.qcow2"));
	ck_assert_ptr_null(strstr(made->domain_xml, "dataStore"));
}
END_TEST

/* The saved definition knew nothing of it, but the present one does. */
START_TEST(nor_is_what_the_present_definition_has)
{
	g_autofree char *disk = disk_with_source(sources[0].source);
	g_autofree char *xml = domain_xml("web 1", disk);

	touch("web.qcow2");
	know("web 1", UUID, xml);
	bed.options.in_place = TRUE;
	assert_refused(VK_ERROR_FAILED, "a part of the image");
}
END_TEST

START_TEST(elsewhere_a_part_becomes_an_image)
{
	g_autofree char *disk = disk_with_source(sources[0].source);
	g_autofree char *other = path_in("pool");
	g_autoptr(VkRestorePlan) made = NULL;

	touch("web.qcow2");
	set_xml(disk);
	bed.options.directory = g_steal_pointer(&other);
	made = must_plan();
	ck_assert_ptr_null(strstr(made->domain_xml, "<slices"));
}
END_TEST

int main(void)
{
	const VkPlanTest tests[] = {
		{a_definition_of_another_uuid_is_damage, 1},
		{a_definition_of_another_name_is_damage, 1},
		{nor_is_it_taken_in_place_or_as_a_new_guest, 2},
		{a_name_with_a_slash_names_no_file, 1},
		{variables_go_to_the_directory_of_libvirt, 4},
		{so_do_variables_that_were_not_saved, 4},
		{variables_that_were_in_it_go_back, 2},
		{a_link_does_not_lead_out_of_it, 1},
		{in_place_the_variables_of_another_guest_are_left, 1},
		{in_place_its_own_variables_are_replaced_wherever_they_are, 1},
		{firmware_has_a_size_that_can_be, 1},
		{state_of_a_tpm_has_a_name_that_can_be, 1},
		{state_of_a_tpm_goes_by_nothing_that_is_saved, 1},
		{a_disk_does_not_go_to_the_host_itself, EVIL_PLACES},
		{a_disk_goes_where_disks_are, GOOD_PLACES},
		{in_place_a_file_of_others_needs_force, 2},
		{in_place_its_own_file_is_replaced_by_whatever_name, 1},
		{what_is_not_understood_is_not_replaced, 3 * G_N_ELEMENTS(sources)},
		{a_data_file_is_not_declared_for_an_image_without, 3},
		{nor_is_what_the_present_definition_has, 1},
		{elsewhere_a_part_becomes_an_image, 1},
	};

	return run_plan_loops("plan-trust", tests, G_N_ELEMENTS(tests));
}
