/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ONTAP driver against the stand-in: takes of one and of several volumes, and all that may go
 * wrong on the way. After each, nothing of ours is left that no listed snapshot needs, and nothing
 * of others was touched.
 */
#include "errors.h"
#include "json.h"
#include "ontapbed.h"
#include "source.h"

#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WEB  "11111111-2222-3333-4444-555555555555"
#define MAIL "66666666-7777-8888-9999-000000000000"
#define ID   "20260102T030405Z"

/* Two volumes whose junctions begin alike, and one that nobody uses. */
static const char topology[] =
	"{\"clusters\": [{\"name\": \"c1\", \"version\": \"9.14.1\","
	" \"users\": [{\"name\": \"admin\", \"password\": \"secret\"},"
	"  {\"name\": \"robot\", \"certificate\": true}],"
	" \"svms\": [{\"name\": \"s\","
	"  \"lifs\": [{\"name\": \"lif1\", \"address\": \"127.0.0.1\"},"
	"   {\"name\": \"lif2\", \"address\": \"::1\"}],"
	"  \"volumes\": [{\"name\": \"root\", \"directory\": \"@/root\", \"junction\": \"/\","
	"    \"is_svm_root\": true},"
	"   {\"name\": \"vm\", \"directory\": \"@/vm\", \"junction\": \"/vm\","
	"    \"exports\": [\"qtree\"]},"
	"   {\"name\": \"vmstore\", \"directory\": \"@/vmstore\", \"junction\": \"/vmstore\"},"
	"   {\"name\": \"other\", \"directory\": \"@/other\", \"junction\": \"/other\"},"
	"   {\"name\": \"mirror\", \"directory\": \"@/mirror\", \"junction\": \"/mirror\","
	"    \"type\": \"dp\"}]}],"
	" \"groups\": []}]}";

static const char mountinfo[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				"40 22 0:50 / @/vm rw - nfs4 127.0.0.1:/vm rw\n"
				"41 22 0:51 / @/vmstore rw - nfs4 [::1]:/VMstore rw\n"
				"42 22 0:52 / @/other rw - nfs 127.0.0.1:/other/ rw\n"
				"43 22 0:53 / @/root rw - nfs 127.0.0.1:/ rw\n"
				"44 22 0:54 / @/mirror rw - nfs 127.0.0.1:/mirror rw\n"
				"45 22 0:55 / @/far rw - nfs 127.0.0.2:/vm rw\n"
				"46 40 0:56 / @/vm/qtree rw - nfs4 127.0.0.1:/vm/qtree rw\n";

static Bed *bed;

static void setup(void)
{
	bed = bed_new(topology, mountinfo, NULL);
	bed_write(bed, "vm/web.raw", "web at the instant");
	bed_write(bed, "vmstore/data.raw", "data at the instant");
	bed_write(bed, "vm/sub/mail.raw", "mail at the instant");
}

static void teardown(void)
{
	bed_free(bed);
}

static VkArrayDisk *try_probe(const char *image, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *path = bed_path(bed, image);

	g_ptr_array_add(layers, vk_array_layer_new(path, "raw"));
	return vk_arrays_probe(bed->arrays, layers, error);
}

static VkArrayDisk *probe(const char *image)
{
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk = try_probe(image, &error);

	ck_assert_msg(disk != NULL, "%s", error ? error->message : "");
	return disk;
}

static VkTake *make_take(void)
{
	return vk_take_new(bed->arrays, BED_VAULT, "daily");
}

static gboolean run_take(VkTake *take, GError **error)
{
	return vk_take_prepare(take, error) && vk_take_shoot(take, error) &&
	       vk_take_settle(take, error);
}

/* A take of the web guest with its first disk, or with both. Not yet run. */
static VkTake *web_take(gboolean both)
{
	VkTake *take = make_take();

	vk_take_join(take, WEB, ID);
	vk_take_add(take, WEB, "vda", probe("vm/web.raw"));
	if (both)
		vk_take_add(take, WEB, "vdb", probe("vmstore/data.raw"));
	return take;
}

static void succeed(gboolean ok, const GError *error)
{
	ck_assert_msg(ok, "%s", error ? error->message : "no error was set");
}

/* The copy of the web guest's disk, taken and listed. */
static json_t *listed_copy(gboolean both)
{
	g_autoptr(VkTake) take = web_take(both);
	g_autoptr(GError) error = NULL;
	json_t *copy;

	succeed(run_take(take, &error), error);
	copy = vk_take_copy(take, WEB, "vda");
	succeed(vk_take_keep(take, WEB, &error), error);
	vk_take_leave(take, WEB);
	return copy;
}

static void check_content(const json_t *copy, const char *content)
{
	char buffer[64] = "";
	g_autoptr(GError) error = NULL;
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, &error);

	succeed(image != NULL, error);
	/* Disks are whole sectors. */
	ck_assert_uint_ge(image->size, strlen(content));
	succeed(vk_image_read(image, 0, buffer, strlen(content), &error), error);
	ck_assert_str_eq(buffer, content);
	vk_image_free(image);
}

static guint count_snapshots(const char *volume)
{
	json_t *snapshots = bed_state(bed, "snapshots");
	guint count = 0;
	gsize index;
	json_t *snapshot;

	json_array_foreach (snapshots, index, snapshot) {
		const json_t *of = json_object_get(snapshot, "volume");

		count += !volume ||
			 strcmp(json_string_value(json_object_get(of, "name")), volume) == 0;
	}
	json_decref(snapshots);
	return count;
}

static guint count_kind(const char *kind)
{
	json_t *records = bed_state(bed, kind);
	guint count = (guint)json_array_size(records);

	json_decref(records);
	return count;
}

/* Whatever was asked: only single snapshots of ours and groups of ours were removed, by uuid. */
static void check_log(void)
{
	json_t *requests = bed_requests(bed);
	gsize index;
	json_t *request;

	json_array_foreach (requests, index, request) {
		const char *path = json_string_value(json_object_get(request, "path"));
		const char *method = json_string_value(json_object_get(request, "method"));
		g_auto(GStrv) words = g_strsplit(path, "/", -1);
		guint count = g_strv_length(words);

		if (strcmp(method, "DELETE") != 0)
			continue;
		ck_assert_msg(g_uuid_string_is_valid(words[count - 1]), "%s", path);
		ck_assert_msg(g_pattern_match_simple("/api/storage/volumes/*/snapshots/*", path) ||
				      g_pattern_match_simple(
					      "/api/application/consistency-groups/*", path),
			      "%s", path);
		ck_assert_msg(!g_pattern_match_simple(
				      "/api/application/consistency-groups/*/snapshots*", path),
			      "%s", path);
	}
	json_decref(requests);
}

START_TEST(takes_one_volume)
{
	g_autoptr(VkTake) take = web_take(FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) snapshots = NULL;
	g_autoptr(json_t) copy = NULL;
	const json_t *snapshot;
	const char *name;

	succeed(run_take(take, &error), error);
	bed_write(bed, "vm/web.raw", "web after the instant");
	copy = vk_take_copy(take, WEB, "vda");
	check_content(copy, "web at the instant");
	ck_assert_uint_eq(count_snapshots(NULL), 1);
	snapshots = bed_state(bed, "snapshots");
	snapshot = json_array_get(snapshots, 0);
	name = json_string_value(json_object_get(snapshot, "name"));
	ck_assert_msg(g_pattern_match_simple("virtkeep_01234567_????????T??????Z_????????", name),
		      "%s", name);
	ck_assert_str_eq(json_string_value(json_object_get(snapshot, "comment")),
			 "virtkeep " BED_VAULT " " WEB " " ID " unlisted");
	ck_assert_str_eq(json_string_value(json_object_get(snapshot, "snapmirror_label")), "daily");
	ck_assert_ptr_null(json_object_get(snapshot, "expiry_time"));
	succeed(vk_take_keep(take, WEB, &error), error);
	vk_take_leave(take, WEB);
	check_content(copy, "web at the instant");
	check_log();
}
END_TEST

START_TEST(tells_volumes)
{
	g_autoptr(VkArrayDisk) web = probe("vm/web.raw");
	g_autoptr(VkArrayDisk) mail = probe("vm/sub/mail.raw");
	g_autoptr(VkArrayDisk) data = probe("vmstore/data.raw");
	const char *of_web = g_ptr_array_index(vk_array_disk_volumes(web), 0);

	ck_assert_uint_eq(vk_array_disk_volumes(web)->len, 1);
	ck_assert_str_eq(of_web, g_ptr_array_index(vk_array_disk_volumes(mail), 0));
	ck_assert_str_ne(of_web, g_ptr_array_index(vk_array_disk_volumes(data), 0));
}
END_TEST

START_TEST(refuses_what_it_cannot_take)
{
	static const char *const cases[][2] = {
		{"root/x.raw", "the root of its SVM"},
		{"mirror/x.raw", "read-only"},
		{"far/x.raw", "no address"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		bed_write(bed, cases[i][0], "x");
		ck_assert_ptr_null(try_probe(cases[i][0], &error));
		ck_assert_msg(strstr(error->message, cases[i][1]) != NULL, "%s", error->message);
	}
}
END_TEST

START_TEST(reads_below_the_junction)
{
	g_autoptr(VkTake) take = make_take();
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;

	bed_write(bed, "vm/qtree/deep/disk.raw", "a qtree of its own");
	vk_take_join(take, WEB, ID);
	vk_take_add(take, WEB, "vda", probe("vm/qtree/deep/disk.raw"));
	succeed(run_take(take, &error), error);
	copy = vk_take_copy(take, WEB, "vda");
	bed_write(bed, "vm/qtree/deep/disk.raw", "changed");
	check_content(copy, "a qtree of its own");
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(count_snapshots(NULL), 0);
}
END_TEST

START_TEST(lists_and_removes)
{
	g_autoptr(json_t) copy = listed_copy(TRUE);
	g_autoptr(VkArrayDisk) disk = probe("vm/web.raw");
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
	succeed(vk_arrays_has(bed->arrays, copy, &found, &error), error);
	ck_assert(found);
	succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	succeed(vk_arrays_has(bed->arrays, copy, &found, &error), error);
	ck_assert(!found);
	ck_assert_uint_eq(count_snapshots("vm"), 0);
	ck_assert_uint_eq(count_snapshots("vmstore"), 1);
	check_log();
}
END_TEST

START_TEST(leaves_held_and_foreign_ones)
{
	g_autoptr(json_t) copy = listed_copy(FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) found = vk_arrays_snapshots_of(bed->arrays, copy, &error);
	VkArraySnapshot *snapshot = g_ptr_array_index(found, 0);
	const char *changes[] = {
		"{\"owners\": [\"volume_clone\"]}",
		"{\"owners\": null, \"expiry_time\": \"2099-01-01T00:00:00+00:00\"}",
		"{\"expiry_time\": null, \"comment\": \"of somebody else\"}",
	};
	const char *words[] = {"volume_clone", "2099", "not the name and comment"};
	int codes[] = {VK_ERROR_BUSY, VK_ERROR_BUSY, VK_ERROR_FAILED};

	for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
		g_autoptr(GError) refusal = NULL;

		json_decref(bed_control(bed, "POST", "set",
					json_pack("{s:s, s:{}, s:o}", "kind", "snapshots", "where",
						  "set", json_loads(changes[i], 0, NULL))));
		ck_assert(!vk_arrays_remove(bed->arrays, snapshot, &refusal));
		ck_assert_msg(strstr(refusal->message, words[i]) != NULL, "%s", refusal->message);
		ck_assert_int_eq(refusal->code, codes[i]);
		ck_assert_uint_eq(count_snapshots("vm"), 1);
	}
}
END_TEST

START_TEST(fences_several_volumes)
{
	g_autoptr(VkTake) take = web_take(TRUE);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	g_autoptr(json_t) requests = NULL;
	g_autofree char *reason = NULL;

	bed_set_knob(bed, "fence", json_string("watch"));
	succeed(run_take(take, &error), error);
	ck_assert_uint_eq(count_kind("groups"), 0);
	ck_assert_uint_eq(count_kind("started"), 0);
	ck_assert_uint_eq(count_kind("fence_violations"), 0);
	ck_assert_uint_eq(count_snapshots("vm"), 1);
	ck_assert_uint_eq(count_snapshots("vmstore"), 1);
	copy = vk_take_copy(take, WEB, "vdb");
	check_content(copy, "data at the instant");
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/consistency-groups/*/snapshots"), 1);
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*/consistency-groups/*/snapshots/*"), 1);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/volumes/*/snapshots"), 0);
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(count_snapshots(NULL), 0);
	check_log();
}
END_TEST

/* All ways in which the array may answer the start of a snapshot. */
START_TEST(starts_however_it_is_told)
{
	static const char *const places[] = {"records", "location", "nowhere"};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(places); i++) {
		g_autoptr(VkTake) take = web_take(TRUE);
		g_autoptr(GError) error = NULL;

		bed_set_knob(bed, "start_uuid", json_string(places[i / 2]));
		bed_set_knob(bed, "start_reply", json_integer(i % 2 ? 202 : 201));
		succeed(run_take(take, &error), error);
		ck_assert_uint_eq(count_snapshots(NULL), 2);
		vk_take_leave(take, WEB);
		ck_assert_uint_eq(count_snapshots(NULL), 0);
		ck_assert_uint_eq(count_kind("groups"), 0);
	}
}
END_TEST

static void make_group(const char *name, const char *const *volumes)
{
	g_autofree char *command = NULL;
	g_autoptr(GString) members = g_string_new(NULL);
	int status = -1;

	for (; *volumes; volumes++)
		g_string_append_printf(members,
				       "%s{\"name\":\"%s\",\"provisioning_options\":{\"action\":"
				       "\"add\"}}",
				       members->len ? "," : "", *volumes);
	command = g_strdup_printf(
		"curl --noproxy '*' -sfk -u admin:secret -H 'Content-Type: application/json' -d "
		"'{\"name\":\"%s\",\"svm\":{\"name\":\"s\"},\"volumes\":[%s]}' "
		"'https://127.0.0.1:%u/api/application/consistency-groups?return_timeout=15'",
		name, members->str, bed->port);
	ck_assert(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
	ck_assert_int_eq(status, 0);
}

/* The group that is there, how many are left, and how many requests of each kind come of it. */
static void check_group(const char *name, const char *const *volumes, guint left, guint starts,
			guint singles)
{
	g_autoptr(VkTake) take = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) requests = NULL;

	make_group(name, volumes);
	take = web_take(TRUE);
	json_decref(bed_requests(bed));
	succeed(run_take(take, &error), error);
	requests = bed_requests(bed);
	ck_assert_uint_eq(count_kind("groups"), left);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/consistency-groups/*/snapshots"), starts);
	ck_assert_uint_eq(bed_count(requests, "POST", "*/volumes/*/snapshots"), singles);
	ck_assert_uint_eq(count_snapshots("vm"), 1);
	ck_assert_uint_eq(count_snapshots("vmstore"), 1);
	ck_assert_uint_eq(count_snapshots("other"), 0);
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(count_snapshots(NULL), 0);
}

START_TEST(uses_a_group_of_the_same_volumes)
{
	const char *volumes[] = {"vm", "vmstore", NULL};

	check_group("theirs", volumes, 1, 1, 0);
}
END_TEST

START_TEST(leaves_a_group_of_more_volumes)
{
	const char *volumes[] = {"vm", "vmstore", "other", NULL};

	check_group("theirs", volumes, 1, 0, 2);
}
END_TEST

START_TEST(leaves_a_group_of_some_volumes)
{
	const char *volumes[] = {"vmstore", "other", NULL};

	check_group("theirs", volumes, 1, 0, 2);
}
END_TEST

START_TEST(removes_a_group_that_was_left)
{
	const char *volumes[] = {"vm", "vmstore", NULL};

	check_group("virtkeep_01234567_20200101T000000Z_deadbeef", volumes, 0, 1, 0);
}
END_TEST

START_TEST(leaves_a_group_in_use)
{
	const char *volumes[] = {"vm", "vmstore", NULL};
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *name =
		g_date_time_format(now, "virtkeep_01234567_%Y%m%dT%H%M%SZ_deadbeef");

	check_group(name, volumes, 1, 0, 2);
}
END_TEST

START_TEST(keeps_what_one_guest_needs)
{
	g_autoptr(VkTake) take = make_take();
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) snapshots = NULL;

	vk_take_join(take, WEB, ID);
	vk_take_join(take, MAIL, ID);
	vk_take_add(take, WEB, "vda", probe("vm/web.raw"));
	vk_take_add(take, MAIL, "vda", probe("vm/sub/mail.raw"));
	vk_take_add(take, MAIL, "vdb", probe("vmstore/data.raw"));
	succeed(run_take(take, &error), error);
	ck_assert_uint_eq(count_snapshots(NULL), 2);
	vk_take_leave(take, MAIL);
	ck_assert_uint_eq(count_snapshots("vmstore"), 0);
	ck_assert_uint_eq(count_snapshots("vm"), 1);
	succeed(vk_take_keep(take, WEB, &error), error);
	vk_take_leave(take, WEB);
	g_clear_pointer(&take, vk_take_free);
	ck_assert_uint_eq(count_snapshots("vm"), 1);
	snapshots = bed_state(bed, "snapshots");
	ck_assert_str_eq(
		json_string_value(json_object_get(json_array_get(snapshots, 0), "comment")),
		"virtkeep " BED_VAULT);
	check_log();
}
END_TEST

/* One fault at a time, at each request that changes something. */
static const char *const actions[] = {"reset",     "empty",        "status",   "html",
				      "truncated", "short",        "locked",   "no_job",
				      "jobs",      "integer_code", "error_200"};
static const char *const whens[] = {"before", "after"};
static const struct {
	const char *method, *path;
} steps[] = {
	{"GET", "/interfaces"},
	{"GET", "/storage/volumes$"},
	{"GET", "/consistency-groups$"},
	{"POST", "/consistency-groups$"},
	{"POST", "/consistency-groups/[^/]+/snapshots$"},
	{"PATCH", "/consistency-groups/[^/]+/snapshots/"},
	{"DELETE", "/consistency-groups/[^/]+$"},
	{"POST", "/volumes/[^/]+/snapshots$"},
	{"GET", "/volumes/[^/]+/snapshots$"},
	{"PATCH", "/volumes/[^/]+/snapshots/"},
	{"DELETE", "/volumes/[^/]+/snapshots/"},
};

/* The whole way with a fault: either it is taken once, or nothing is left. */
static void check_fault(const char *action, const char *when, const char *method, const char *path,
			gboolean both)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VkTake) take = NULL;
	gboolean taken;

	json_decref(bed_requests(bed));
	take = web_take(both);
	bed_add_fault(bed, action, method, path, when);
	taken = run_take(take, &error);
	ck_assert_msg(count_snapshots("vm") <= 1 && count_snapshots("vmstore") <= (guint)both,
		      "%s %s %s %s", action, when, method, path);
	if (taken) {
		g_autoptr(json_t) copy = vk_take_copy(take, WEB, "vda");

		ck_assert_uint_eq(count_snapshots(NULL), 1 + (guint)both);
		check_content(copy, "web at the instant");
	} else {
		ck_assert_msg(error != NULL, "%s", action);
	}
	/* What ends in a refusal is no failure of the line. */
	ck_assert_msg(taken || strcmp(action, "error_200") == 0 ||
			      (strcmp(action, "html") == 0 && strcmp(when, "before") == 0),
		      "%s %s %s %s: %s", action, when, method, path, error ? error->message : "");
	vk_take_leave(take, WEB);
	g_clear_pointer(&take, vk_take_free);
	bed_clear_faults(bed);
	ck_assert_msg(count_snapshots(NULL) == 0 && count_kind("started") == 0, "%s %s %s %s",
		      action, when, method, path);
	ck_assert_msg(count_kind("groups") == 0, "%s %s %s %s", action, when, method, path);
	check_log();
}

START_TEST(survives_faults)
{
	const char *action = actions[_i];
	gboolean is_late = strcmp(action, "html") == 0 || strcmp(action, "truncated") == 0 ||
			   strcmp(action, "short") == 0 || strcmp(action, "no_job") == 0 ||
			   strcmp(action, "jobs") == 0 || strcmp(action, "integer_code") == 0;
	gboolean is_early = strcmp(action, "status") == 0 || strcmp(action, "locked") == 0 ||
			    strcmp(action, "error_200") == 0;

	for (gsize when = 0; when < G_N_ELEMENTS(whens); when++)
		for (gsize step = 0; step < G_N_ELEMENTS(steps); step++) {
			if ((is_late && when == 0) || (is_early && when == 1))
				continue;
			/* That it does not exist is what a removal wants to hear. */
			if (strcmp(action, "error_200") == 0 &&
			    strcmp(steps[step].method, "DELETE") == 0)
				continue;
			check_fault(action, whens[when], steps[step].method, steps[step].path,
				    TRUE);
			check_fault(action, whens[when], steps[step].method, steps[step].path,
				    FALSE);
		}
}
END_TEST

/* A mark that stays is told, and is gone after the next try. */
START_TEST(marks_in_spite_of_faults)
{
	static const char *const kinds[] = {"reset", "empty", "short", "truncated"};

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(json_t) copy = NULL;
		g_autoptr(GPtrArray) found = NULL;
		g_autoptr(GError) error = NULL;
		VkArraySnapshot *snapshot;

		bed_add_fault(bed, kinds[i], "PATCH", "/volumes/[^/]+/snapshots/", "after");
		copy = listed_copy(FALSE);
		found = vk_arrays_snapshots_of(bed->arrays, copy, &error);
		snapshot = g_ptr_array_index(found, 0);
		ck_assert(!snapshot->is_unlisted);
		succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	}
}
END_TEST

START_TEST(waits_for_jobs)
{
	g_autoptr(json_t) copy = NULL;

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(bed, "job_polls", json_integer(3));
	copy = listed_copy(TRUE);
	check_content(copy, "web at the instant");
	ck_assert_uint_eq(count_snapshots(NULL), 2);
	ck_assert_uint_eq(count_kind("groups"), 0);
}
END_TEST

START_TEST(fails_with_its_job)
{
	static const char *const places[] = {"both", "error", "message"};

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(
		bed, "job_outcome",
		json_pack("{s:s, s:s}", "code", "524479", "message", "no space on the volume"));
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(VkTake) take = web_take(FALSE);
		g_autoptr(GError) error = NULL;

		bed_set_knob(bed, "job_error", json_string(places[i]));
		ck_assert(!run_take(take, &error));
		ck_assert_msg(strstr(error->message, "no space on the volume") != NULL, "%s",
			      error->message);
		ck_assert_msg(strstr(error->message, "524479") != NULL, "%s", error->message);
		vk_take_leave(take, WEB);
	}
	ck_assert_uint_eq(count_snapshots(NULL), 0);
}
END_TEST

/* Nothing was done, and nobody says so: in the end there is an error and no snapshot. */
START_TEST(looks_when_a_job_is_lost)
{
	g_autoptr(VkTake) take = web_take(FALSE);
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "always_202", json_true());
	bed_set_knob(bed, "job_outcome", json_string("lost"));
	succeed(vk_take_prepare(take, &error), error);
	ck_assert(!vk_take_shoot(take, &error));
	bed_set_knob(bed, "job_outcome", json_null());
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(count_snapshots(NULL), 0);
}
END_TEST

START_TEST(needs_a_version)
{
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "version", json_string("9.10.1"));
	ck_assert_ptr_null(try_probe("vm/web.raw", &error));
	ck_assert_msg(strstr(error->message, "9.10.1") && strstr(error->message, "9.11.1"), "%s",
		      error->message);
}
END_TEST

static void check_login(const char *section, const char *words)
{
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk;

	bed_configure(bed, section);
	disk = try_probe("vm/web.raw", &error);
	if (words)
		ck_assert_msg(!disk && strstr(error->message, words), "%s",
			      error ? error->message : "it worked");
	else
		succeed(disk != NULL, error);
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

START_TEST(follows_pages)
{
	g_autoptr(GError) error = NULL;

	bed_set_knob(bed, "page_size", json_integer(1));
	vk_array_disk_free(probe("vmstore/data.raw"));
	json_decref(bed_control(bed, "POST", "faults",
				json_pack("{s:s, s:s, s:i}", "action", "repeated_page", "path",
					  "/interfaces", "times", -1)));
	ck_assert_ptr_null(try_probe("vmstore/data.raw", &error));
	ck_assert_msg(strstr(error->message, "have no end") != NULL, "%s", error->message);
}
END_TEST

/* Refuses the calls of some ways to restore, and counts those of each. */
static void check_restore(const char *const *refused, const char *method, const char *pattern,
			  gboolean done)
{
	g_autoptr(json_t) copy = listed_copy(FALSE);
	g_autofree char *path = bed_path(bed, "vm/new.raw");
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;
	gboolean got = !done;
	struct stat info;

	bed_write(bed, "vm/web.raw", "web after the instant");
	bed_write(bed, "vm/sub/mail.raw", "mail after the instant");
	bed_write(bed, "vm/new.raw", "");
	ck_assert_int_eq(chmod(path, 0640), 0);
	for (; *refused; refused++)
		json_decref(bed_control(bed, "POST", "faults",
					json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status",
						  "path", *refused, "status", 403, "code", "6",
						  "times", -1)));
	json_decref(bed_requests(bed));
	succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &got, &error), error);
	bed_clear_faults(bed);
	ck_assert_int_eq(got, done);
	requests = bed_requests(bed);
	if (method)
		ck_assert_uint_eq(bed_count(requests, method, pattern), 1);
	if (done) {
		g_autofree char *content = bed_read(bed, "vm/new.raw");

		ck_assert_str_eq(content, "web at the instant");
		ck_assert_int_eq(stat(path, &info), 0);
		ck_assert_uint_eq(info.st_mode & 07777, 0640);
	}
	/* Nothing else of the volume is what it was then. */
	g_autofree char *web = bed_read(bed, "vm/web.raw");
	g_autofree char *mail = bed_read(bed, "vm/sub/mail.raw");
	ck_assert_str_eq(web, "web after the instant");
	ck_assert_str_eq(mail, "mail after the instant");
}

START_TEST(restores_a_file_by_a_clone)
{
	const char *refused[] = {NULL};

	check_restore(refused, "POST", "/api/storage/file/clone", TRUE);
}
END_TEST

START_TEST(restores_a_file_by_snaprestore)
{
	const char *refused[] = {"/storage/file/clone", NULL};

	check_restore(refused, "PATCH", "/api/storage/volumes/*", TRUE);
}
END_TEST

START_TEST(restores_a_file_by_command)
{
	const char *refused[] = {"/storage/file/clone", "/storage/volumes/[^/]+$", NULL};

	check_restore(refused, "POST", "/api/private/cli/*", TRUE);
}
END_TEST

START_TEST(leaves_a_file_to_be_copied)
{
	const char *refused[] = {"/storage/file/clone", "/storage/volumes/[^/]+$", "/private/cli/",
				 NULL};

	check_restore(refused, NULL, NULL, FALSE);
}
END_TEST

START_TEST(does_not_restore_across_volumes)
{
	g_autoptr(json_t) copy = listed_copy(FALSE);
	g_autofree char *path = bed_path(bed, "vmstore/new.raw");
	g_autoptr(GError) error = NULL;
	gboolean done = TRUE;

	bed_write(bed, "vmstore/new.raw", "");
	succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &done, &error), error);
	ck_assert(!done);
}
END_TEST

/* The engine dies while the array works on a request. */
static const struct {
	const char *method, *path;
} deaths[] = {
	{"POST", "/consistency-groups$"},
	{"POST", "/consistency-groups/[^/]+/snapshots$"},
	{"PATCH", "/consistency-groups/[^/]+/snapshots/"},
	{"DELETE", "/consistency-groups/[^/]+$"},
	{"PATCH", "/volumes/[^/]+/snapshots/"},
};

static void die_at(const char *method, const char *path)
{
	pid_t pid;

	bed_add_fault(bed, "hold", method, path, "after");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		g_autoptr(VkTake) take = NULL;

		/* Its connections are its own. */
		bed->arrays = vk_arrays_new(bed->settings, NULL);
		take = web_take(TRUE);
		if (run_take(take, NULL))
			vk_take_keep(take, WEB, NULL);
		_exit(0);
	}
	json_decref(bed_control(bed, "GET", "held", NULL));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	bed_clear_faults(bed);
}

START_TEST(is_killed)
{
	g_autoptr(VkArrayDisk) disk = probe("vm/web.raw");
	g_autoptr(GPtrArray) found = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(VkTake) take = NULL;

	die_at(deaths[_i].method, deaths[_i].path);
	/* A snapshot that was started ends by itself. */
	for (guint i = 0; i < 400 && count_kind("started") > 0; i++)
		g_usleep(G_USEC_PER_SEC / 10);
	ck_assert_uint_eq(count_kind("started"), 0);
	/* What is left is told, marked, and can be removed; and the next one works. */
	found = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, &error);
	succeed(found != NULL, error);
	ck_assert_uint_eq(found->len, count_snapshots("vm"));
	for (guint i = 0; i < found->len; i++) {
		VkArraySnapshot *snapshot = g_ptr_array_index(found, i);

		ck_assert_str_eq(snapshot->id, ID);
		succeed(vk_arrays_remove(bed->arrays, snapshot, &error), error);
	}
	take = web_take(TRUE);
	succeed(run_take(take, &error), error);
	vk_take_leave(take, WEB);
	ck_assert_uint_eq(count_snapshots("vm"), 0);
	check_log();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap");
	TCase *tcase = tcase_create("ontap");

	tcase_set_timeout(tcase, 240);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, takes_one_volume);
	tcase_add_test(tcase, tells_volumes);
	tcase_add_test(tcase, refuses_what_it_cannot_take);
	tcase_add_test(tcase, reads_below_the_junction);
	tcase_add_test(tcase, lists_and_removes);
	tcase_add_test(tcase, leaves_held_and_foreign_ones);
	tcase_add_test(tcase, fences_several_volumes);
	tcase_add_test(tcase, starts_however_it_is_told);
	tcase_add_test(tcase, uses_a_group_of_the_same_volumes);
	tcase_add_test(tcase, leaves_a_group_of_more_volumes);
	tcase_add_test(tcase, leaves_a_group_of_some_volumes);
	tcase_add_test(tcase, removes_a_group_that_was_left);
	tcase_add_test(tcase, leaves_a_group_in_use);
	tcase_add_test(tcase, keeps_what_one_guest_needs);
	tcase_add_test(tcase, marks_in_spite_of_faults);
	tcase_add_test(tcase, waits_for_jobs);
	tcase_add_test(tcase, fails_with_its_job);
	tcase_add_test(tcase, looks_when_a_job_is_lost);
	tcase_add_test(tcase, needs_a_version);
	tcase_add_test(tcase, logs_in);
	tcase_add_test(tcase, follows_pages);
	tcase_add_test(tcase, restores_a_file_by_a_clone);
	tcase_add_test(tcase, restores_a_file_by_snaprestore);
	tcase_add_test(tcase, restores_a_file_by_command);
	tcase_add_test(tcase, leaves_a_file_to_be_copied);
	tcase_add_test(tcase, does_not_restore_across_volumes);
	tcase_add_loop_test(tcase, survives_faults, 0, G_N_ELEMENTS(actions));
	tcase_add_loop_test(tcase, is_killed, 0, G_N_ELEMENTS(deaths));
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
