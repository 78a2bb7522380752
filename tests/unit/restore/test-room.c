/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What plans write against what is free. */
#include "errors.h"
#include "plan-bed.h"
#include "report-plan.h"
#include "room.h"

#include <check.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static VkRoom *room;

/* So much of what is free, in tenths. */
static void need_tenths(guint tenths)
{
	const VkDiskRecord *disk = g_ptr_array_index(bed.snapshot->disks, 0);
	struct statvfs facts;

	ck_assert_int_eq(statvfs(bed.dir, &facts), 0);
	disk->image->allocated = (guint64)(geteuid() == 0 ? facts.f_bfree : facts.f_bavail) *
				 facts.f_frsize / 10 * tenths;
}

static VkRestorePlan *plan_part(const char *name, gboolean force)
{
	g_autofree char *path = *name == '/' ? g_strdup(name) : path_in(name);
	g_autofree char *part = g_strdup_printf("vda=%s", path);
	VkRestorePlan *made;

	vk_restore_options_clear(&bed.options);
	set_list(&bed.options.disks, part);
	bed.options.force = force;
	made = must_plan();
	return made;
}

static void assert_no_room(VkRestorePlan *made)
{
	ck_assert(!vk_room_take(room, made, &bed.error));
	ck_assert_int_eq(bed.error->code, VK_ERROR_FAILED);
	ck_assert_msg(strstr(bed.error->message, bed.dir) && strstr(bed.error->message, "--to"),
		      "%s", bed.error->message);
	g_clear_error(&bed.error);
}

START_TEST(what_does_not_fit_is_refused)
{
	g_autoptr(VkRestorePlan) made = NULL;

	need_tenths(20);
	made = plan_part("a", FALSE);
	room = vk_room_new();
	assert_no_room(made);
	vk_room_free(room);
}
END_TEST

START_TEST(force_tries)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *text = NULL;

	need_tenths(20);
	made = plan_part("a", TRUE);
	room = vk_room_new();
	ck_assert(vk_room_take(room, made, &bed.error));
	ck_assert_uint_eq(made->notes->len, 1);
	text = vk_report_plan_text(made);
	ck_assert_msg(strstr(text, "are to be written into") != NULL, "%s", text);
	vk_room_free(room);
}
END_TEST

/* As /proc does. */
START_TEST(a_file_system_may_tell_nothing)
{
	g_autoptr(VkRestorePlan) made = NULL;
	const char *words;

	need_tenths(20);
	made = plan_part("/proc/vk-none", FALSE);
	room = vk_room_new();
	ck_assert(vk_room_take(room, made, &bed.error));
	ck_assert_uint_eq(made->room->len, 1);
	words = g_ptr_array_index(made->room, 0);
	ck_assert_msg(g_str_has_prefix(words, "up to ") && strstr(words, "'/proc'"), "%s", words);
	ck_assert_msg(strstr(words, "free") == NULL, "%s", words);
	vk_room_free(room);
}
END_TEST

/* The second would fit alone, and takes nothing. */
START_TEST(plans_share_what_is_free)
{
	g_autoptr(VkRestorePlan) made = NULL;

	room = vk_room_new();
	need_tenths(6);
	made = plan_part("a", FALSE);
	ck_assert(vk_room_take(room, made, &bed.error));
	ck_assert_uint_gt(made->writes, 0);
	assert_no_room(made);
	need_tenths(3);
	ck_assert(vk_room_take(room, made, &bed.error));
	vk_room_free(room);
}
END_TEST

/* It is there until the new one is whole. */
START_TEST(a_replaced_file_gives_its_room_back_afterwards)
{
	g_autoptr(VkRestorePlan) made = NULL;
	g_autofree char *path = path_in("a");
	const gsize size = (gsize)64 * 1024 * 1024;
	g_autofree char *bytes = g_malloc(size);

	memset(bytes, 1, size);
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	need_tenths(10);
	made = plan_part("a", TRUE);
	made->force = FALSE;
	room = vk_room_new();
	assert_no_room(made);
	need_tenths(9);
	ck_assert(vk_room_take(room, made, &bed.error));
	vk_room_free(room);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_does_not_fit_is_refused,
		force_tries,
		a_file_system_may_tell_nothing,
		plans_share_what_is_free,
		a_replaced_file_gives_its_room_back_afterwards,
	};

	return run_plan_tests("room", tests, G_N_ELEMENTS(tests));
}
