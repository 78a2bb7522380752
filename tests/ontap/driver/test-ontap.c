/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ONTAP driver with images on NFS, against the stand-in: snapshot sets, reads, lists, removals
 * and logins.
 */
#include "errors.h"
#include "io.h"
#include "ontap-nas.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(snaps_one_volume)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) snapshots = NULL;
	g_autoptr(json_t) copy = NULL;
	const json_t *snapshot;
	const char *name;

	bed_succeed(nas_run_set(set, &error), error);
	bed_write(bed, "vm/web.raw", "web after the instant");
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	nas_check_content(copy, "web at the instant");
	ck_assert_uint_eq(nas_count_snapshots(NULL), 1);
	snapshots = bed_state(bed, "snapshots");
	snapshot = json_array_get(snapshots, 0);
	name = json_string_value(json_object_get(snapshot, "name"));
	ck_assert_msg(g_pattern_match_simple("virtkeep_01234567_????????T??????Z_????????", name),
		      "%s", name);
	ck_assert_str_eq(json_string_value(json_object_get(snapshot, "comment")),
			 "virtkeep " BED_VAULT " " WEB " " ID " unlisted");
	ck_assert_str_eq(json_string_value(json_object_get(snapshot, "snapmirror_label")), "daily");
	ck_assert_ptr_null(json_object_get(snapshot, "expiry_time"));
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, WEB);
	nas_check_content(copy, "web at the instant");
	nas_check_log();
}
END_TEST

static int (*real_fdatasync)(int fd);
static guint flushes;

static int count_flush(int fd)
{
	flushes++;
	return real_fdatasync(fd);
}

/* What the host had cached is in the snapshot: it is written back while the guest is held. */
START_TEST(flushes_at_the_instant)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(TRUE);
	g_autoptr(GError) error = NULL;

	real_fdatasync = vk_io.fdatasync;
	vk_io.fdatasync = count_flush;
	bed_succeed(vk_snapshot_set_prepare(set, &error), error);
	flushes = 0;
	bed_succeed(vk_snapshot_set_snap(set, &error), error);
	vk_io.fdatasync = real_fdatasync;
	ck_assert_uint_eq(flushes, 2);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

/* Their files are not seen here any more, so the array is asked. */
static void hide_snapshots(void)
{
	g_autofree char *shown = bed_path(bed, "vm/.snapshot");
	g_autofree char *away = bed_path(bed, "away");

	ck_assert_int_eq(rename(shown, away), 0);
}

/* Those who want to know it of many disks wait once. */
START_TEST(asks_a_silent_array_once)
{
	g_autoptr(VkSnapshotSet) set = nas_web_set(FALSE);
	VkCopyReader reader = vk_arrays_reader(bed->arrays);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	g_autoptr(json_t) requests = NULL;

	bed_succeed(nas_run_set(set, &error), error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	ck_assert(reader.has(reader.data, copy));
	hide_snapshots();
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:s, s:i}", "action", "reset", "method",
					  "GET", "path", "/snapshots", "times", -1)));
	ck_assert(!reader.has(reader.data, copy));
	json_decref(bed_requests(bed));
	ck_assert(!reader.has(reader.data, copy));
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*"), 0);
	bed_clear_faults(bed);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

START_TEST(asks_on_after_a_damaged_copy)
{
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	g_autoptr(json_t) damaged = json_deep_copy(copy);
	VkCopyReader reader = vk_arrays_reader(bed->arrays);

	hide_snapshots();
	json_object_set_new(json_array_get(json_object_get(damaged, "layers"), 0), "snapshot",
			    json_string("another"));
	ck_assert(!reader.has(reader.data, damaged));
	ck_assert(reader.has(reader.data, copy));
}
END_TEST

/* Who is refused once is not refused for good. */
START_TEST(asks_an_array_again_that_refused)
{
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	VkCopyReader reader = vk_arrays_reader(bed->arrays);

	hide_snapshots();
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:s, s:i, s:s}", "action", "status", "method",
				      "GET", "path", "/snapshots", "status", 403, "code", "6")));
	ck_assert(!reader.has(reader.data, copy));
	ck_assert(reader.has(reader.data, copy));
}
END_TEST

START_TEST(tells_volumes)
{
	g_autoptr(VkArrayDisk) web = nas_probe("vm/web.raw");
	g_autoptr(VkArrayDisk) mail = nas_probe("vm/sub/mail.raw");
	g_autoptr(VkArrayDisk) data = nas_probe("vmstore/data.raw");
	const char *of_web = g_ptr_array_index(vk_array_disk_volumes(web), 0);

	ck_assert_uint_eq(vk_array_disk_volumes(web)->len, 1);
	ck_assert_str_eq(of_web, g_ptr_array_index(vk_array_disk_volumes(mail), 0));
	ck_assert_str_ne(of_web, g_ptr_array_index(vk_array_disk_volumes(data), 0));
}
END_TEST

START_TEST(refuses_what_it_cannot_snap)
{
	static const char *const cases[][2] = {
		{"root/x.raw", "the root of its SVM"},
		{"mirror/x.raw", "read-only"},
		{"far/x.raw", "not an address"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		bed_write(bed, cases[i][0], "x");
		ck_assert_ptr_null(nas_try_probe(cases[i][0], &error));
		ck_assert_msg(strstr(error->message, cases[i][1]) != NULL, "%s", error->message);
	}
}
END_TEST

START_TEST(reads_below_the_junction)
{
	g_autoptr(VkSnapshotSet) set = nas_make_set();
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;

	bed_write(bed, "vm/qtree/deep/disk.raw", "a qtree of its own");
	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_add(set, WEB, "vda", nas_probe("vm/qtree/deep/disk.raw"));
	bed_succeed(nas_run_set(set, &error), error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	bed_write(bed, "vm/qtree/deep/disk.raw", "changed");
	nas_check_content(copy, "a qtree of its own");
	vk_snapshot_set_leave(set, WEB);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 0);
}
END_TEST

/* Two dots in a name lead nowhere. */
START_TEST(reads_names_with_dots)
{
	g_autoptr(VkSnapshotSet) set = nas_make_set();
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	json_t *layer;

	bed_write(bed, "vm/web..2..raw", "a name with dots");
	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_add(set, WEB, "vda", nas_probe("vm/web..2..raw"));
	bed_succeed(nas_run_set(set, &error), error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	nas_check_content(copy, "a name with dots");
	layer = json_array_get(json_object_get(copy, "layers"), 0);
	json_object_set_new(layer, "below", json_string("sub/../web..2..raw"));
	ck_assert_ptr_null(vk_arrays_open_image(bed->arrays, copy, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
	vk_snapshot_set_leave(set, WEB);
}
END_TEST

/* One that is out of reach, and comes first, is not in the way of the one that has the disk. */
START_TEST(asks_all_arrays)
{
	g_autoptr(GError) error = NULL;

	bed_configure(bed, "[array gone]\nurl = https://127.0.0.1:1\nuser = admin\n"
			   "password_file = @/password\nNTAP_TIMEOUT = 1\n"
			   "[array c1]\nurl = https://127.0.0.1:%\nuser = admin\n"
			   "password_file = @/password\nca_file = @/state/ca.pem\n");
	vk_array_disk_free(nas_probe("vm/web.raw"));
	bed_write(bed, "far/x.raw", "x");
	ck_assert_ptr_null(nas_try_probe("far/x.raw", &error));
	ck_assert_msg(strstr(error->message, "array 'gone'") != NULL, "%s", error->message);
}
END_TEST

START_TEST(lists_and_removes)
{
	g_autoptr(json_t) copy = nas_listed_copy(TRUE);
	g_autoptr(VkArrayDisk) disk = nas_probe("vm/web.raw");
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) of_copy = vk_arrays_snapshots_of(bed->arrays, copy, &error);
	g_autoptr(GPtrArray) all = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, &error);
	g_autoptr(GPtrArray) of_mail = vk_arrays_list(bed->arrays, disk, BED_VAULT, MAIL, &error);
	const VkArraySnapshot *snapshot = g_ptr_array_index(all, 0);
	gboolean found = FALSE;

	ck_assert_uint_eq(all->len, 1);
	ck_assert_uint_eq(of_copy->len, 1);
	ck_assert_uint_eq(of_mail->len, 0);
	ck_assert(json_equal(snapshot->handle,
			     ((VkArraySnapshot *)g_ptr_array_index(of_copy, 0))->handle));
	ck_assert_str_eq(snapshot->id, ID);
	ck_assert(!snapshot->is_unlisted);
	bed_succeed(vk_arrays_has(bed->arrays, copy, &found, &error), error);
	ck_assert(found);
	bed_succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	bed_succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	bed_succeed(vk_arrays_has(bed->arrays, copy, &found, &error), error);
	ck_assert(!found);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 0);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 1);
	nas_check_log();
}
END_TEST

START_TEST(leaves_held_and_foreign_ones)
{
	g_autoptr(json_t) copy = nas_listed_copy(FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(bed->arrays, copy, &error);
	VkArraySnapshot *snapshot = g_ptr_array_index(found, 0);
	const char *changes[] = {
		"{\"owners\": [\"volume_clone\"]}",
		"{\"owners\": null, \"expiry_time\": \"2099-01-01T00:00:00+00:00\"}",
		"{\"expiry_time\": null, \"comment\": \"of somebody else\"}",
	};
	const char *words[] = {"volume_clone", "2099", "not have the name and comment"};
	int codes[] = {VK_ERROR_BUSY, VK_ERROR_BUSY, VK_ERROR_FAILED};

	for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_autoptr(GError) refusal = NULL;
		g_autoptr(json_t) requests = NULL;

		json_decref(bed_control(bed, "POST", "set",
					json_pack("{s:s, s:{}, s:o}", "kind", "snapshots", "where",
						  "set", json_loads(changes[i], 0, NULL))));
		ck_assert(!vk_arrays_remove(bed->arrays, snapshot, &refusal));
		ck_assert_msg(strstr(refusal->message, words[i]) != NULL, "%s", refusal->message);
		ck_assert_int_eq(refusal->code, codes[i]);
		ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
		/* A lock is the array's to tell. */
		requests = bed_requests(bed);
		ck_assert_uint_eq(bed_count(requests, "DELETE", "*"), i == 1);
	}
}
END_TEST

START_TEST(keeps_what_one_guest_needs)
{
	g_autoptr(VkSnapshotSet) set = nas_make_set();
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) snapshots = NULL;

	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_join(set, MAIL, ID);
	vk_snapshot_set_add(set, WEB, "vda", nas_probe("vm/web.raw"));
	vk_snapshot_set_add(set, MAIL, "vda", nas_probe("vm/sub/mail.raw"));
	vk_snapshot_set_add(set, MAIL, "vdb", nas_probe("vmstore/data.raw"));
	bed_succeed(nas_run_set(set, &error), error);
	ck_assert_uint_eq(nas_count_snapshots(NULL), 2);
	vk_snapshot_set_leave(set, MAIL);
	ck_assert_uint_eq(nas_count_snapshots("vmstore"), 0);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, WEB);
	g_clear_pointer(&set, vk_snapshot_set_free);
	ck_assert_uint_eq(nas_count_snapshots("vm"), 1);
	snapshots = bed_state(bed, "snapshots");
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(snapshots, 0), "comment")),
		"virtkeep " BED_VAULT);
	nas_check_log();
}
END_TEST

START_TEST(needs_a_version)
{
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "version", json_string("9.10.1"));
	ck_assert_ptr_null(nas_try_probe("vm/web.raw", &error));
	ck_assert_msg(strstr(error->message, "9.10.1") && strstr(error->message, "9.11.1"), "%s",
		      error->message);
}
END_TEST

static void check_login(const char *section, const char *words)
{
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk;

	bed_configure(bed, section);
	disk = nas_try_probe("vm/web.raw", &error);
	if (words)
		ck_assert_msg(!disk && strstr(error->message, words), "%s",
			      error ? error->message : "it worked");
	else
		bed_succeed(disk != NULL, error);
	vk_array_disk_free(disk);
}

START_TEST(logs_in)
{
	const char *credential = "state/virtkeep.array.c1";
	g_autofree char *state = bed_path(bed, "state");

	check_login("[array c1]\nurl = https://127.0.0.1:%\nuser = admin\n"
		    "password_file = @/password\nca_file = @/state/other-ca.pem\n",
		    "set ca_file");
	check_login("[array c1]\nurl = https://127.0.0.1:%\nuser = admin\n"
		    "password_file = @/password\ninsecure = yes\n",
		    NULL);
	check_login("[array c1]\nurl = https://127.0.0.1:%\nca_file = @/state/ca.pem\n"
		    "client_cert = @/state/client-robot.pem\nclient_key = "
		    "@/state/client-robot.key\n",
		    NULL);
	check_login("[array c1]\nurl = https://127.0.0.1:%\nca_file = @/state/ca.pem\n",
		    "set user and password_file");
	check_login(
		"[array c1]\nurl = https://127.0.0.1:%\nca_file = @/state/ca.pem\nuser = admin\n",
		"there is no password");
	g_setenv("CREDENTIALS_DIRECTORY", state, TRUE);
	bed_write(bed, credential, "secret");
	check_login(
		"[array c1]\nurl = https://127.0.0.1:%\nca_file = @/state/ca.pem\nuser = admin\n",
		NULL);
	bed_write(bed, credential, "wrong");
	check_login(
		"[array c1]\nurl = https://127.0.0.1:%\nca_file = @/state/ca.pem\nuser = admin\n",
		"password_file");
}
END_TEST

/* What is said while the array is asked for the first time. New string. */
static char *said_at_login(void)
{
	g_autofree char *path = bed_path(bed, "said");
	int kept = dup(STDERR_FILENO);

	bed_configure(bed, "[array c1]\nurl = https://127.0.0.1:%\nuser = admin\n"
			   "password_file = @/password\nca_file = @/state/ca.pem\n");
	ck_assert_ptr_nonnull(freopen(path, "w", stderr));
	vk_array_disk_free(nas_try_probe("vm/web.raw", NULL));
	fflush(stderr);
	ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
	close(kept);
	return bed_read(bed, "said");
}

START_TEST(warns_of_a_password_that_others_can_read)
{
	g_autofree char *path = bed_path(bed, "password");
	g_autofree char *before = said_at_login();
	g_autofree char *after = NULL;

	ck_assert_str_eq(before, "");
	ck_assert_int_eq(chmod(path, 0640), 0);
	after = said_at_login();
	ck_assert_msg(strstr(after, "others can read its password") != NULL, "%s", after);
	ck_assert_msg(!strstr(after, "secret"), "%s", after);
}
END_TEST

START_TEST(follows_pages)
{
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "page_size", json_integer(1));
	vk_array_disk_free(nas_probe("vmstore/data.raw"));
	/* Nothing is known any more. */
	bed_set_timeout(bed, 20);
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:i}", "action", "repeated_page", "path",
					  "/interfaces", "times", -1)));
	ck_assert_ptr_null(nas_try_probe("vmstore/data.raw", &error));
	ck_assert_msg(strstr(error->message, "have no end") != NULL, "%s", error->message);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap");
	TCase *tcase = tcase_create("ontap");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, nas_setup, nas_teardown);
	tcase_add_test(tcase, snaps_one_volume);
	tcase_add_test(tcase, flushes_at_the_instant);
	tcase_add_test(tcase, asks_a_silent_array_once);
	tcase_add_test(tcase, asks_on_after_a_damaged_copy);
	tcase_add_test(tcase, asks_an_array_again_that_refused);
	tcase_add_test(tcase, tells_volumes);
	tcase_add_test(tcase, refuses_what_it_cannot_snap);
	tcase_add_test(tcase, reads_below_the_junction);
	tcase_add_test(tcase, reads_names_with_dots);
	tcase_add_test(tcase, asks_all_arrays);
	tcase_add_test(tcase, lists_and_removes);
	tcase_add_test(tcase, leaves_held_and_foreign_ones);
	tcase_add_test(tcase, keeps_what_one_guest_needs);
	tcase_add_test(tcase, needs_a_version);
	tcase_add_test(tcase, logs_in);
	tcase_add_test(tcase, warns_of_a_password_that_others_can_read);
	tcase_add_test(tcase, follows_pages);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
