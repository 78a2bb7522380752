/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LUNs of the ONTAP driver against the stand-in, whose maps make devices appear in a sysfs of the
 * test's own. After each, no clone and no map of it is left.
 */
#include "errors.h"
#include "io.h"
#include "json.h"
#include "ontap-bed.h"
#include "snapshot-set.h"
#include "source.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 65536

static const char topology[] =
	"{\"clusters\": [{\"name\": \"c1\", \"version\": \"9.14.1\","
	" \"hooks\": {\"map\": \"@/hook\", \"unmap\": \"@/hook\"},"
	" \"svms\": [{\"name\": \"s\", \"iscsi\": \"iqn.1992-08.com.netapp:sn.1\","
	"  \"lifs\": [{\"name\": \"lif1\", \"address\": \"127.0.0.1\"}],"
	"  \"igroups\": [{\"name\": \"kvm1\"}, {\"name\": \"kvm2\"}],"
	"  \"volumes\": [{\"name\": \"v\", \"directory\": \"@/v\", \"luns\": ["
	"    {\"name\": \"l1\", \"serial\": \"81L*C?W+$]/|\", \"size\": 65536,"
	"     \"maps\": [{\"igroup\": \"kvm1\", \"number\": 0}]},"
	"    {\"name\": \"l2\", \"serial\": \"81LJC?WtqyyX\", \"size\": 65536}]}]}]}]}";

static const char mountinfo[] = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

/* What the kernel, udev and multipathd do. A device that goes was to be deleted before. */
static const char hook[] =
	"#!/bin/bash\n"
	"set -e\n"
	"wwid=3600a0980$(printf %s \"$3\" | od -An -v -tx1 | tr -d ' \\n')\n"
	"if [[ $1 == map ]]; then\n"
	"	mkdir -p @/sys/block/dm-$4/dm @/sys/block/dm-$4/slaves/sd$4 "
	"@/sys/block/sd$4/device\n"
	"	mkdir -p @/dev/mapper\n"
	"	echo mpath-$wwid > @/sys/block/dm-$4/dm/uuid\n"
	"	echo $(($(stat -c %s \"$2\") / 512)) > @/sys/block/dm-$4/size\n"
	"	printf '\\0\\x80\\0\\x0c%s' \"$3\" > @/sys/block/sd$4/device/vpd_pg80\n"
	"	: > @/sys/block/sd$4/device/delete\n"
	"	ln \"$2\" @/dev/dm-$4\n"
	"	ln -s ../dm-$4 @/dev/mapper/lun$4\n"
	"elif [[ -e @/sys/block/dm-$4 ]]; then\n"
	"	[[ $(< @/sys/block/sd$4/device/delete) == 1 ]] || touch @/torn\n"
	"	rm -r @/sys/block/dm-$4 @/sys/block/sd$4 @/dev/dm-$4 @/dev/mapper/lun$4\n"
	"fi\n";

static Bed *bed;

static void poke(const char *name, const char *text)
{
	g_autofree char *path = bed_path(bed, name);
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, text, strlen(text), 0), strlen(text));
	close(fd);
}

static void map_first(void)
{
	g_autofree char *program = bed_path(bed, "hook");
	g_autofree char *file = bed_path(bed, "v/l1");
	char map[] = "map", serial[] = "81L*C?W+$]/|", number[] = "0", igroup[] = "kvm1";
	char *argv[] = {program, map, file, serial, number, igroup, NULL};
	int status = -1;

	ck_assert(g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, NULL, NULL, &status, NULL));
	ck_assert_int_eq(status, 0);
}

static void setup(void)
{
	g_autoptr(GString) script = g_string_new(hook);
	g_autofree char *sys = NULL;
	g_autofree char *dev = NULL;
	g_autofree char *program = NULL;

	bed = bed_new(topology, mountinfo, NULL);
	sys = bed_path(bed, "sys");
	dev = bed_path(bed, "dev");
	program = bed_path(bed, "hook");
	g_string_replace(script, "@", bed->directory, 0);
	bed_write(bed, "hook", script->str);
	ck_assert_int_eq(chmod(program, 0700), 0);
	bed_write(bed, "sys/class/scsi_host/host0/scan", "");
	g_setenv("VIRTKEEP_SYSFS", sys, TRUE);
	g_setenv("VIRTKEEP_DEV", dev, TRUE);
	map_first();
	poke("v/l1", "at the instant");
}

static void teardown(void)
{
	bed_free(bed);
}

static VkArrayDisk *try_probe(const char *device, GError **error)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autofree char *path = bed_path(bed, device);

	g_ptr_array_add(layers, vk_array_layer_new(path, "raw"));
	return vk_arrays_probe(bed->arrays, layers, error);
}

static json_t *listed_copy(void)
{
	g_autoptr(VkSnapshotSet) set = vk_snapshot_set_new(bed->arrays, BED_VAULT, NULL);
	g_autoptr(GError) error = NULL;
	VkArrayDisk *disk = try_probe("dev/mapper/lun0", &error);
	json_t *copy;

	bed_succeed(disk != NULL, error);
	vk_snapshot_set_join(set, WEB, ID);
	vk_snapshot_set_add(set, WEB, "vda", disk);
	bed_succeed(vk_snapshot_set_prepare(set, &error) && vk_snapshot_set_snap(set, &error) &&
			    vk_snapshot_set_settle(set, &error),
		    error);
	copy = vk_snapshot_set_copy(set, WEB, "vda");
	bed_succeed(vk_snapshot_set_keep(set, WEB, &error), error);
	vk_snapshot_set_leave(set, WEB);
	poke("v/l1", "after it, and on");
	return copy;
}

/* No clone, no map, and the host had let go of its device before that went. */
static void check_clean(void)
{
	g_autofree char *torn = bed_path(bed, "torn");
	json_t *requests = bed_requests(bed);
	gsize index;
	json_t *request;

	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 2);
	ck_assert_uint_eq(bed_count_kind(bed, "maps"), 1);
	ck_assert(!g_file_test(torn, G_FILE_TEST_EXISTS));
	json_array_foreach (requests, index, request) {
		const char *path = json_string_value(json_object_get(request, "path"));

		if (strcmp(json_string_value(json_object_get(request, "method")), "DELETE") == 0)
			ck_assert_msg(g_pattern_match_simple("/api/storage/luns/*-*-*-*-*", path) ||
					      g_pattern_match_simple(
						      "/api/protocols/san/lun-maps/*-*/*-*", path),
				      "%s", path);
	}
	json_decref(requests);
}

/* TRUE when it could be read, and then it is what it was. */
static gboolean try_read(const json_t *copy, GError **error)
{
	char buffer[32] = "";
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, error);
	gboolean ok;

	if (!image)
		return FALSE;
	ck_assert_uint_eq(image->size, SIZE);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
	ok = vk_image_read(image, 0, buffer, strlen("at the instant"), error);
	ck_assert_str_eq(buffer, "at the instant");
	vk_image_free(image);
	return ok;
}

START_TEST(reads_a_lun)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autoptr(GError) error = NULL;
	gboolean found = FALSE;

	ck_assert_str_eq(
		vk_json_optional_string(json_array_get(json_object_get(copy, "layers"), 0), "path"),
		"l1");
	bed_succeed(vk_arrays_has(bed->arrays, copy, &found, &error), error);
	ck_assert(found);
	bed_succeed(try_read(copy, &error), error);
	check_clean();
	ck_assert_uint_eq(bed_count_kind(bed, "snapshots"), 1);
}
END_TEST

/* What the host says of the device, changed; and a word of why it is refused. */
static const struct {
	const char *file, *text, *word;
} refusals[] = {
	{"sys/block/dm-0/dm/uuid", "LVM-abcdef", "logical volume"},
	{"sys/block/dm-0/dm/uuid", "part1-mpath-3600a098038314c4a433f577471797958", "partition"},
	{"sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-x", "not a multipath device itself"},
	{"sys/block/dm-0/dm/uuid", "mpath-360060e8007e2b1000030e2b100000001", "not a LUN of ONTAP"},
	{"sys/block/dm-0/dm/uuid", "mpath-3600a098077663049712b4e3475636b33", "another array"},
	{"sys/block/dm-0/dm/uuid", "mpath-3600a098038314c4a433f577471797958", "another LUN"},
	{"sys/block/sd0/device/vpd_pg80", "x", "another LUN"},
	{"sys/block/dm-0/size", "129", "its size differs"},
};

START_TEST(refuses_what_does_not_agree)
{
	g_autoptr(GError) error = NULL;

	bed_write(bed, refusals[_i].file, refusals[_i].text);
	ck_assert_ptr_null(try_probe("dev/mapper/lun0", &error));
	ck_assert_msg(strstr(error->message, refusals[_i].word) != NULL, "%s", error->message);
}
END_TEST

START_TEST(wants_one_igroup)
{
	g_autoptr(json_t) copy = NULL;
	g_autoptr(GError) error = NULL;

	json_decref(bed_control(bed, "POST", "set",
				json_pack("{s:s, s:{}, s:{s:s}}", "kind", "maps", "where", "set",
					  "igroup.uuid", "none")));
	copy = listed_copy();
	ck_assert(!try_read(copy, &error));
	check_clean();
}
END_TEST

static const char *const actions[] = {"reset", "empty", "short", "no_job"};
static const struct {
	const char *method, *path;
} steps[] = {
	{"POST", "/luns$"},       {"GET", "/luns$"},    {"POST", "/lun-maps$"},
	{"DELETE", "/lun-maps/"}, {"DELETE", "/luns/"},
};

START_TEST(survives_faults)
{
	g_autoptr(json_t) copy = listed_copy();

	for (gsize step = 0; step < G_N_ELEMENTS(steps); step++) {
		g_autoptr(GError) error = NULL;

		bed_add_fault(bed, actions[_i], steps[step].method, steps[step].path, "after");
		json_decref(bed_requests(bed));
		ck_assert_msg(try_read(copy, &error), "%s %s: %s", actions[_i], steps[step].path,
			      error ? error->message : "");
		bed_clear_faults(bed);
		check_clean();
	}
}
END_TEST

START_TEST(restores_in_place)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autoptr(json_t) before = bed_state(bed, "luns");
	g_autoptr(json_t) after = NULL;
	g_autofree char *path = bed_path(bed, "dev/mapper/lun0");
	g_autoptr(GError) error = NULL;
	g_autofree char *content = NULL;
	gboolean done = FALSE;

	bed_set_knob(bed, "lun_patch_from_snapshot", _i ? json_false() : json_true());
	json_decref(bed_requests(bed));
	ck_assert(vk_arrays_can_clone(bed->arrays, copy, 0, path));
	ck_assert(!vk_arrays_can_clone(bed->arrays, copy, 0, bed->directory));
	bed_succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &done, &error), error);
	ck_assert(done);
	content = bed_read(bed, "v/l1");
	ck_assert_str_eq(content, "at the instant");
	after = bed_state(bed, "luns");
	ck_assert(json_equal(before, after));
	check_clean();
}
END_TEST

/* A LUN that has another size by now is left to be copied to. */
START_TEST(leaves_a_resized_lun)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autofree char *path = bed_path(bed, "dev/mapper/lun0");
	g_autofree char *file = bed_path(bed, "v/l1");
	g_autoptr(json_t) requests = NULL;
	g_autoptr(GError) error = NULL;
	gboolean done = TRUE;

	ck_assert_int_eq(truncate(file, 2 * (off_t)SIZE), 0);
	bed_write(bed, "sys/block/dm-0/size", "256");
	json_decref(bed_requests(bed));
	ck_assert(!vk_arrays_can_clone(bed->arrays, copy, 0, path));
	bed_succeed(vk_arrays_clone(bed->arrays, copy, 0, path, &done, &error), error);
	ck_assert(!done);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "PATCH", "*"), 0);
}
END_TEST

START_TEST(refuses_a_serial_number_of_two)
{
	g_autoptr(GError) error = NULL;

	json_decref(
		bed_control(bed, "POST", "set",
			    json_pack("{s:s, s:{s:s}, s:{s:s}}", "kind", "luns", "where", "name",
				      "/vol/v/l2", "set", "serial_number", "81L*C?W+$]/|")));
	ck_assert_ptr_null(try_probe("dev/mapper/lun0", &error));
	ck_assert_msg(strstr(error->message, "same serial number") != NULL, "%s", error->message);
}
END_TEST

/* Of readers that are gone, as doctor and a backup find it. */
static GPtrArray *list_left(void)
{
	VkArrayDisk *disk = try_probe("dev/mapper/lun0", NULL);
	GPtrArray *found = vk_arrays_list(bed->arrays, disk, BED_VAULT, WEB, NULL);

	vk_array_disk_free(disk);
	ck_assert_ptr_nonnull(found);
	for (guint i = found->len; i > 0; i--)
		if (!((VkArraySnapshot *)g_ptr_array_index(found, i - 1))->is_unlisted)
			g_ptr_array_remove_index(found, i - 1);
	return found;
}

static void remove_left(void)
{
	g_autoptr(GPtrArray) left = list_left();
	const VkArraySnapshot *clone = g_ptr_array_index(left, 0);
	g_autoptr(GError) error = NULL;

	ck_assert_uint_eq(left->len, 1);
	ck_assert_str_ne(clone->id, "");
	bed_succeed(vk_arrays_remove(bed->arrays, clone, &error), error);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 2);
	bed_succeed(vk_arrays_remove(bed->arrays, clone, &error), error);
}

START_TEST(leaves_what_is_being_read)
{
	g_autoptr(json_t) copy = listed_copy();
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, NULL);
	g_autoptr(GPtrArray) left = NULL;

	ck_assert_ptr_nonnull(image);
	left = list_left();
	ck_assert_uint_eq(left->len, 0);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
	vk_image_free(image);
	check_clean();
}
END_TEST

/* A reader of COPY is killed when it has its clone. Its name, a new string. */
static char *leave_clone(const json_t *copy)
{
	g_autoptr(json_t) luns = NULL;
	const char *name;
	pid_t pid;

	bed_add_fault(bed, "hold", "POST", "/lun-maps$", "after");
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		g_random_set_seed((guint32)getpid());
		bed->arrays = vk_arrays_new(bed->settings, vk_log_warning, NULL);
		try_read(copy, NULL);
		_exit(0);
	}
	json_decref(bed_control(bed, "GET", "held", NULL));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	bed_clear_faults(bed);
	luns = bed_state(bed, "luns");
	ck_assert_uint_eq(json_array_size(luns), 3);
	name = vk_json_optional_string(json_array_get(luns, 2), "name");
	ck_assert(g_str_has_prefix(name, "/vol/v/virtkeep_clone_"));
	return g_strdup(name);
}

/* Two find it at once: whoever comes second leaves it, and whoever cannot claim it, too. */
START_TEST(leaves_what_another_removes)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autofree char *name = leave_clone(copy);
	g_autofree char *base = g_path_get_basename(name);
	g_autofree char *run = bed_path(bed, "run");
	g_autofree char *away = bed_path(bed, "away");
	g_autofree char *path = g_build_filename(run, base, NULL);
	g_autoptr(GPtrArray) left = list_left();
	const VkArraySnapshot *clone = g_ptr_array_index(left, 0);
	g_autoptr(GError) error = NULL;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	bed_succeed(vk_arrays_remove(bed->arrays, clone, &error), error);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
	close(fd);
	ck_assert_int_eq(rename(run, away), 0);
	bed_write(bed, "run", "no directory");
	ck_assert(!vk_arrays_remove(bed->arrays, clone, &error));
	ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
	ck_assert_int_eq(unlink(run), 0);
	ck_assert_int_eq(rename(away, run), 0);
	remove_left();
	check_clean();
}
END_TEST

/* Once by the next one that reads, once by whoever looks for it. */
START_TEST(removes_what_a_killed_one_left)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autofree char *name = leave_clone(copy);

	if (_i)
		remove_left();
	/* While it is read there is no clone but its own. */
	ck_assert(try_read(copy, NULL));
	check_clean();
	/* Another host's stay. */
	json_decref(bed_post(bed, "/api/storage/luns?return_timeout=15",
			     json_pack("{s:{s:s}, s:s, s:s, s:{s:i}}", "svm", "name", "s", "name",
				       "/vol/v/virtkeep_clone_00000000_other", "os_type", "linux",
				       "space", "size", SIZE)));
	vk_image_free(vk_arrays_open_image(bed->arrays, copy, NULL));
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
}
END_TEST

static VkIo real_io;
static int rival = -1;
static char *claim_path;

/* Who had the claim removes it as soon as it is open, and another one claims the clone anew. */
static int open_too_late(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd = real_io.openat(dirfd, path, flags, mode);

	if (rival < 0 && strstr(path, "/virtkeep_clone_")) {
		claim_path = g_strdup(path);
		ck_assert_int_eq(unlink(path), 0);
		rival = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_eq(flock(rival, LOCK_EX | LOCK_NB), 0);
	}
	return fd;
}

/* What is locked has no name any more: the clone, and the claim that has, are the other one's. */
START_TEST(leaves_what_another_one_has_claimed)
{
	g_autoptr(json_t) copy = listed_copy();
	g_autofree char *name = leave_clone(copy);
	g_autoptr(GPtrArray) left = list_left();
	g_autoptr(GError) error = NULL;
	struct stat theirs, named;

	ck_assert_uint_eq(left->len, 1);
	real_io = vk_io;
	vk_io.openat = open_too_late;
	bed_succeed(vk_arrays_remove(bed->arrays, g_ptr_array_index(left, 0), &error), error);
	vk_io = real_io;
	ck_assert_int_ge(rival, 0);
	ck_assert_uint_eq(bed_count_kind(bed, "luns"), 3);
	ck_assert_int_eq(fstat(rival, &theirs), 0);
	ck_assert_int_eq(stat(claim_path, &named), 0);
	ck_assert_uint_eq(named.st_ino, theirs.st_ino);
	close(rival);
	remove_left();
	g_free(claim_path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-san");
	TCase *tcase = tcase_create("ontap-san");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, reads_a_lun);
	tcase_add_loop_test(tcase, refuses_what_does_not_agree, 0, G_N_ELEMENTS(refusals));
	tcase_add_test(tcase, wants_one_igroup);
	tcase_add_loop_test(tcase, survives_faults, 0, G_N_ELEMENTS(actions));
	tcase_add_loop_test(tcase, restores_in_place, 0, 2);
	tcase_add_test(tcase, leaves_a_resized_lun);
	tcase_add_test(tcase, refuses_a_serial_number_of_two);
	tcase_add_test(tcase, leaves_what_is_being_read);
	tcase_add_test(tcase, leaves_what_another_removes);
	tcase_add_loop_test(tcase, removes_what_a_killed_one_left, 0, 2);
	tcase_add_test(tcase, leaves_what_another_one_has_claimed);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
