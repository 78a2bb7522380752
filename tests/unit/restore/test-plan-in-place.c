/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans that put back what is there. */
#include "errors.h"
#include "json.h"
#include "plan-bed.h"
#include "report-plan.h"

#include <check.h>
#include <string.h>

START_TEST(in_place_replaces_what_is_there)
{
	g_autofree char *overlay = file_disk("vda", "overlay");
	g_autofree char *xml = domain_xml("renamed", overlay);
	g_autofree char *path = path_in("web.qcow2");
	g_autoptr(VkRestorePlan) made = NULL;

	touch("web.qcow2");
	bed.facts.name = "renamed";
	bed.facts.uuid = UUID;
	bed.facts.xml = xml;
	bed.facts.state = VK_GUEST_RUNNING;
	bed.options.in_place = TRUE;
	bed.options.force = TRUE; /* another guest may have the file below the overlay */
	made = must_plan();
	ck_assert(made->was_running);
	ck_assert(item_at(made, 0)->exists);
	ck_assert_str_eq(item_at(made, 0)->path, path);
	ck_assert_str_eq(made->guest, "renamed");
	ck_assert(strstr(made->domain_xml, "<name>renamed</name>") != NULL);
	/* The new name, and the overlay that is left alone. */
	ck_assert_uint_eq(made->notes->len, 2);
}
END_TEST

START_TEST(one_disk_in_place_keeps_the_present_definition)
{
	g_autofree char *disk = file_disk("vda", "overlay");
	g_autofree char *added = file_disk("vdb", "added");
	g_autofree char *both = g_strconcat(disk, added, NULL);
	g_autofree char *xml = domain_xml("web 1", both);
	g_autoptr(VkRestorePlan) made = NULL;

	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = xml;
	bed.options.in_place = TRUE;
	set_list(&bed.options.disks, "vda");
	made = must_plan();
	ck_assert(!made->was_running);
	ck_assert(strstr(made->domain_xml, "added") != NULL);
	ck_assert(strstr(made->domain_xml, "overlay") == NULL);
	ck_assert(strstr(made->domain_xml, "web.qcow2") != NULL);
}
END_TEST

#define OLD_GENID "43dc0cf8-809b-4adb-9bea-a9abb5f3d90e"

static void give_genid(void)
{
	g_autoptr(GString) xml = g_string_new(bed.snapshot->domain_xml);

	g_string_replace(xml, "<memory>", "<genid>" OLD_GENID "</genid><memory>", 1);
	g_free(bed.snapshot->domain_xml);
	bed.snapshot->domain_xml = g_strdup(xml->str);
}

/* As a whole, one disk of it, and after it was deleted. */
START_TEST(back_in_time_it_has_another_generation_id)
{
	g_autoptr(VkRestorePlan) made = NULL;
	const char *note;

	give_genid();
	if (_i < 2)
		put_in_place();
	if (_i == 1)
		set_list(&bed.options.disks, "vda");
	made = must_plan();
	ck_assert_ptr_nonnull(strstr(made->domain_xml, "<genid>"));
	ck_assert_ptr_null(strstr(made->domain_xml, OLD_GENID));
	ck_assert_uint_eq(made->notes->len, 1);
	note = g_ptr_array_index(made->notes, 0);
	ck_assert_ptr_nonnull(strstr(note, "generation id"));
}
END_TEST

/* A transient guest that is shut down has no definition any more. */
START_TEST(one_disk_in_place_does_not_define_what_stays)
{
	g_autofree char *disk = file_disk("vda", "web.qcow2");
	g_autofree char *xml = domain_xml("web 1", disk);
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *text = NULL;
	g_autoptr(json_t) report = NULL;

	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = xml;
	bed.facts.is_transient = _i == 1;
	bed.options.in_place = TRUE;
	set_list(&bed.options.disks, "vda");
	made = must_plan();
	text = vk_report_plan_text(made);
	report = vk_report_plan_json(made, FALSE);
	ck_assert_int_eq(strstr(text, "define") != NULL, _i == 1);
	ck_assert_int_eq(json_is_true(json_object_get(report, "defined")), _i == 1);
}
END_TEST

START_TEST(in_place_needs_the_guest)
{
	bed.options.in_place = TRUE;
	assert_refused(VK_ERROR_NOT_FOUND, "--in-place");
}
END_TEST

START_TEST(in_place_is_not_for_another_guest_of_that_name)
{
	bed.facts.name = "web 1";
	bed.facts.uuid = OTHER_UUID;
	bed.options.in_place = TRUE;
	assert_refused(VK_ERROR_EXISTS, OTHER_UUID);
}
END_TEST

START_TEST(a_saved_memory_state_is_refused)
{
	touch("web 1.save");
	assert_refused(VK_ERROR_EXISTS, "managedsave-remove");
}
END_TEST

START_TEST(force_drops_a_saved_memory_state)
{
	g_autofree char *path = path_in("web 1.save");
	g_autofree char *text = NULL;
	g_autoptr(VkRestorePlan) made = NULL;

	touch("web 1.save");
	bed.options.force = TRUE;
	made = must_plan();
	ck_assert_str_eq(made->managed_save, path);
	text = vk_report_plan_text(made);
	ck_assert(strstr(text, path) != NULL);
}
END_TEST

static void in_place_with_snapshots(void)
{
	touch("web.qcow2");
	put_in_place();
	bed.facts.snapshots = "before-upgrade,overlay:/images/web.overlay";
	bed.facts.image_snapshots = "before-upgrade,made-by-hand";
}

START_TEST(snapshots_of_users_are_not_taken_away_unasked)
{
	in_place_with_snapshots();
	assert_refused(VK_ERROR_EXISTS, "'before-upgrade' is lost");
	ck_assert(strstr(bed.error->message, "'made-by-hand' is lost") != NULL);
	ck_assert(strstr(bed.error->message,
			 "'/images/web.overlay' stays, which the guest uses no more") != NULL);
	ck_assert(strstr(bed.error->message, "--force") != NULL);
}
END_TEST

START_TEST(force_takes_snapshots_of_users_away)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *text = NULL;

	in_place_with_snapshots();
	bed.options.force = TRUE;
	made = must_plan();
	ck_assert(made->forget_snapshots);
	ck_assert_uint_eq(made->notes->len, 3);
	text = vk_report_plan_text(made);
	ck_assert(strstr(text, "remove libvirt's entries") != NULL);
}
END_TEST

/* The overlay is what is restored: nobody may be told to remove that. */
START_TEST(what_a_snapshot_began_may_be_the_disk_that_is_replaced)
{
	VkDiskRecord *disk = g_ptr_array_index(bed.snapshot->disks, 0);
	g_autofree char *path = path_in("web.qcow2");
	g_autofree char *listed = g_strdup_printf("s1:%s", path);
	g_autofree char *replaced = g_strdup_printf("'%s' is replaced", path);
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *text = NULL;

	in_place_with_snapshots();
	bed.facts.snapshots = listed;
	bed.facts.image_snapshots = NULL;
	bed.options.force = TRUE;
	disk->layout = json_loads("{\"chain\":[{\"path\":\"/i/base.qcow2\"}]}", 0, NULL);
	made = must_plan();
	text = vk_report_plan_text(made);
	ck_assert_msg(strstr(text, replaced) != NULL, "%s", text);
	ck_assert_msg(strstr(text, "no longer stands on '/i/base.qcow2'") != NULL, "%s", text);
	ck_assert_msg(!strstr(text, "worthless") && !strstr(text, "no more"), "%s", text);
}
END_TEST

START_TEST(a_raw_image_holds_no_snapshots)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_auto(GStrv) parts = NULL;
	g_autofree char *xml = NULL;

	in_place_with_snapshots();
	bed.facts.snapshots = NULL;
	parts = g_strsplit(bed.snapshot->domain_xml, "type='qcow2'", -1);
	bed.facts.xml = xml = g_strjoinv("type='raw'", parts);
	made = must_plan();
	ck_assert(!made->forget_snapshots);
}
END_TEST

int main(void)
{
	const VkPlanTest tests[] = {
		{in_place_replaces_what_is_there, 1},
		{one_disk_in_place_keeps_the_present_definition, 1},
		{back_in_time_it_has_another_generation_id, 3},
		{one_disk_in_place_does_not_define_what_stays, 2},
		{in_place_needs_the_guest, 1},
		{in_place_is_not_for_another_guest_of_that_name, 1},
		{a_saved_memory_state_is_refused, 1},
		{force_drops_a_saved_memory_state, 1},
		{snapshots_of_users_are_not_taken_away_unasked, 1},
		{force_takes_snapshots_of_users_away, 1},
		{what_a_snapshot_began_may_be_the_disk_that_is_replaced, 1},
		{a_raw_image_holds_no_snapshots, 1},
	};

	return run_plan_loops("plan-in-place", tests, G_N_ELEMENTS(tests));
}
