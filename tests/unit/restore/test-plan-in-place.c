/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans that put back what is there, and what arrays give back without a copy. */
#include "errors.h"
#include "json.h"
#include "plan-bed.h"
#include "report-plan.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	if (_i < 2) {
		bed.facts.name = "web 1";
		bed.facts.uuid = UUID;
		bed.facts.xml = bed.snapshot->domain_xml;
		bed.options.in_place = TRUE;
	}
	if (_i == 1)
		set_list(&bed.options.disks, "vda");
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	made = plan();
	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(made->managed_save, path);
	text = vk_report_plan_text(made);
	ck_assert(strstr(text, path) != NULL);
}
END_TEST

static void in_place_with_snapshots(void)
{
	touch("web.qcow2");
	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = bed.snapshot->domain_xml;
	bed.options.in_place = TRUE;
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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
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
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
	ck_assert(!made->forget_snapshots);
}
END_TEST

/* Gives vda a copy on an array whose layers lie in DIR. */
static void put_on_array(const char *const *layers)
{
	VkDiskRecord *disk = g_ptr_array_index(bed.snapshot->disks, 0);
	g_autofree char *path = path_in("vault");

	bed.vault = vk_vault_init(path, NULL);
	ck_assert_ptr_nonnull(bed.vault);
	disk->image->array = json_pack("{s:s}", "array", "shelf");
	bed.facts.layers = layers;
}

static VkRestorePlan *plan_in_place(void)
{
	VkRestorePlan *made;

	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = bed.snapshot->domain_xml;
	bed.options.in_place = TRUE;
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
	return made;
}

/* The one disk is copied, and the plan says why: WORDS. */
static void assert_copied(const VkRestorePlan *made, const char *words)
{
	g_autofree char *text = NULL;
	g_autofree char *reason = g_strdup_printf(", copied, because %s", words);

	ck_assert_ptr_nonnull(made);
	ck_assert_uint_eq(made->items->len, 1);
	ck_assert_ptr_null(item_at(made, 0)->clone);
	text = vk_report_plan_text(made);
	ck_assert_msg(strstr(text, reason) != NULL, "no '%s' in: %s", reason, text);
}

static const char *const one_layer[] = {"web.qcow2:qcow2", NULL};
static const char *const chain[] = {"web.qcow2:qcow2", "mid.qcow2:qcow2", ".base:raw", NULL};

START_TEST(an_array_gives_a_disk_back)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *text = NULL;
	g_autoptr(json_t) report = NULL;
	const VkRestoreClone *clone;

	put_on_array(one_layer);
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 1);
	clone = item_at(made, 0)->clone;
	ck_assert_ptr_nonnull(clone);
	ck_assert_uint_eq(clone->layer, 0);
	ck_assert_ptr_null(clone->backing);
	ck_assert_uint_eq(clone->kept_from, clone->kept_to);
	text = vk_report_plan_text(made);
	ck_assert(strstr(text, ", cloned by 'shelf': no data is read\n") != NULL);
	report = vk_report_plan_json(made, FALSE);
	ck_assert(json_is_true(
		json_object_get(json_array_get(json_object_get(report, "disks"), 0), "cloned")));
}
END_TEST

START_TEST(an_array_gives_a_disk_to_another_place)
{
	g_autofree char *part = g_strdup_printf("vda=%s/other", bed.dir);
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(one_layer);
	set_list(&bed.options.disks, part);
	made = plan();
	ck_assert_ptr_nonnull(item_at(made, 0)->clone);
}
END_TEST

START_TEST(another_format_is_copied)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(one_layer);
	bed.options.format = g_strdup("raw");
	made = plan_in_place();
	assert_copied(made, "the copy on the array is 'qcow2'");
}
END_TEST

START_TEST(what_the_array_does_not_reach_is_copied)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(one_layer);
	bed.facts.unreachable = "0";
	made = plan_in_place();
	assert_copied(made, "its place is out of the array's reach");
}
END_TEST

/* A driver of pools gives layers without paths. */
START_TEST(what_is_in_a_pool_is_copied)
{
	static const char *const layers[][3] = {
		{"pool/web:qcow2", NULL},
		{"web.qcow2:qcow2", "pool/web:qcow2", NULL},
	};
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(layers[_i]);
	bed.facts.changed = "1";
	made = plan_in_place();
	assert_copied(made, "the copy on the array is 'web' in the pool 'pool', not a file");
}
END_TEST

START_TEST(what_the_array_lost_is_copied)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(NULL);
	made = plan_in_place();
	assert_copied(made, "the array no longer has its copy");
}
END_TEST

START_TEST(unchanged_backing_files_are_used_as_they_lie)
{
	g_autoptr(VkRestorePlan) made = NULL;
	const VkRestoreClone *clone;

	put_on_array(chain);
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 1);
	clone = item_at(made, 0)->clone;
	ck_assert_ptr_nonnull(clone);
	ck_assert_ptr_null(clone->backing);
	ck_assert_uint_eq(clone->kept_from, 1);
	ck_assert_uint_eq(clone->kept_to, 3);
}
END_TEST

START_TEST(a_changed_backing_file_comes_back_beside_it)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *prefix = path_in("mid.qcow2.virtkeep-20261122T201405Z-");
	g_autofree char *middle = path_in("mid.qcow2");
	const VkRestoreItem *item;
	const VkRestoreClone *clone;

	touch("mid.qcow2");
	ck_assert_int_eq(chmod(middle, 0640), 0);
	put_on_array(chain);
	bed.facts.changed = "1";
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 2);
	item = item_at(made, 0);
	ck_assert(g_str_has_prefix(item->path, prefix));
	ck_assert(!item->exists && !item->is_disk);
	ck_assert_uint_eq(item->place.mode, 0640);
	ck_assert_uint_eq(item->clone->layer, 1);
	ck_assert_ptr_null(item->clone->backing);
	clone = item_at(made, 1)->clone;
	ck_assert_str_eq(clone->backing, item->path);
	ck_assert_str_eq(clone->backing_format, "qcow2");
	ck_assert_uint_eq(clone->kept_from, 2);
	ck_assert_uint_eq(clone->kept_to, 3);
}
END_TEST

/* The middle one names the base, so it cannot stay when that one cannot. */
START_TEST(all_above_a_changed_backing_file_come_back)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *prefix = path_in("base.virtkeep-");
	const VkRestoreItem *base, *middle;

	put_on_array(chain);
	bed.facts.changed = "2";
	made = plan_in_place();
	ck_assert_uint_eq(made->items->len, 3);
	base = item_at(made, 0);
	middle = item_at(made, 1);
	ck_assert_msg(g_str_has_prefix(base->path, prefix), "%s", base->path);
	ck_assert_uint_eq(base->clone->layer, 2);
	ck_assert_uint_eq(middle->clone->layer, 1);
	ck_assert_str_eq(middle->clone->backing, base->path);
	ck_assert_str_eq(middle->clone->backing_format, "raw");
	ck_assert_str_eq(item_at(made, 2)->clone->backing, middle->path);
	ck_assert_uint_eq(item_at(made, 2)->clone->kept_from, 3);
}
END_TEST

/* In the host's own directories, or where a link of another leads. */
START_TEST(a_backing_file_comes_back_to_no_other_place)
{
	const char *const places[] = {"web.qcow2:qcow2",
				      "../../../../../../../../../etc/mid.qcow2:qcow2", NULL};
	const char *const links[] = {"web.qcow2:qcow2", "open/link/mid.qcow2:qcow2", NULL};
	g_autofree char *open = path_in("open");
	g_autofree char *link = path_in("open/link");

	ck_assert_int_eq(mkdir(open, 0755), 0);
	ck_assert_int_eq(symlink(bed.dir, link), 0);
	put_on_array(places);
	bed.facts.name = "web 1";
	bed.facts.uuid = UUID;
	bed.facts.xml = bed.snapshot->domain_xml;
	bed.facts.changed = "1";
	bed.options.in_place = TRUE;
	assert_refused(VK_ERROR_FAILED, "which is a place of the system");
	g_clear_error(&bed.error);
	bed.facts.layers = links;
	ck_assert_int_eq(chmod(open, 0777), 0);
	assert_refused(VK_ERROR_FAILED, "is a symbolic link");
}
END_TEST

START_TEST(a_chain_that_cannot_come_back_whole_is_copied)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(chain);
	bed.facts.changed = "2";
	bed.facts.unreachable = "1";
	made = plan_in_place();
	assert_copied(made, "the array cannot bring back its backing file");
}
END_TEST

START_TEST(elsewhere_a_chain_becomes_one_file)
{
	g_autoptr(VkRestorePlan) made = NULL;

	put_on_array(chain);
	bed.options.as_name = g_strdup("new");
	made = plan();
	assert_copied(made, "its backing files belong to '");
}
END_TEST

START_TEST(a_place_is_known_through_links)
{
	g_autofree char *link = path_in("link");
	g_autofree char *disk = file_disk("vda", "link/web.qcow2");
	g_autoptr(VkRestorePlan) made = NULL;

	ck_assert_int_eq(symlink(bed.dir, link), 0);
	set_xml(disk);
	put_on_array(chain);
	made = plan();
	ck_assert_msg(made != NULL, "%s", bed.error ? bed.error->message : "");
	ck_assert_ptr_nonnull(item_at(made, 0)->clone);
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
		{an_array_gives_a_disk_back, 1},
		{an_array_gives_a_disk_to_another_place, 1},
		{another_format_is_copied, 1},
		{what_the_array_does_not_reach_is_copied, 1},
		{what_is_in_a_pool_is_copied, 2},
		{what_the_array_lost_is_copied, 1},
		{unchanged_backing_files_are_used_as_they_lie, 1},
		{a_changed_backing_file_comes_back_beside_it, 1},
		{all_above_a_changed_backing_file_come_back, 1},
		{a_backing_file_comes_back_to_no_other_place, 1},
		{a_chain_that_cannot_come_back_whole_is_copied, 1},
		{elsewhere_a_chain_becomes_one_file, 1},
		{a_place_is_known_through_links, 1},
	};

	return run_plan_loops("plan-in-place", tests, G_N_ELEMENTS(tests));
}
