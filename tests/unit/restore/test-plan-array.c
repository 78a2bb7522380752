/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans of disks that arrays give back without a copy, and which of them are copied. */
#include "errors.h"
#include "json.h"
#include "plan-bed.h"
#include "report-plan.h"

#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	put_in_place();
	bed.facts.changed = "1";
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
	made = must_plan();
	ck_assert_ptr_nonnull(item_at(made, 0)->clone);
}
END_TEST

int main(void)
{
	const VkPlanTest tests[] = {
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

	return run_plan_loops("plan-array", tests, G_N_ELEMENTS(tests));
}
