/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies that only the secondary of a relationship has: read there, or told where they are. */
#include "json.h"
#include "ontap-pair.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In place of libc's, for all: how often a file is looked at on a mount whose server is dead. */
static guint looks;

int stat(const char *path, struct stat *info)
{
	looks += strstr(path, "/dead/") != NULL;
	return fstatat(AT_FDCWD, path, info, 0);
}

/* The mounts of the host, and MORE. */
static void set_mounts(const char *more)
{
	g_autofree char *text = g_strconcat(pair_mountinfo, more, NULL);
	g_auto(GStrv) parts = g_strsplit(text, "@", -1);
	g_autofree char *filled = g_strjoinv(bed->directory, parts);

	bed_write(bed, "mountinfo", filled);
}

/* A copy that only the secondary has. */
static json_t *make_replica(void)
{
	json_t *copy = pair_snap("vaulted/a.raw", "daily");
	g_autoptr(GPtrArray) snapshots = NULL;
	g_autoptr(GError) error = NULL;

	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	bed_write(bed, "vaulted/a.raw", "b");
	snapshots = vk_arrays_snapshots_of(bed->arrays, copy, &error);
	bed_succeed(snapshots && snapshots->len == 1 &&
			    vk_arrays_remove(bed->arrays, g_ptr_array_index(snapshots, 0), &error),
		    error);
	return copy;
}

/* Of the first byte. 0 when it cannot be read. */
static char read_copy(const json_t *copy, GError **error)
{
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, error);
	char byte = 0;

	if (image)
		bed_succeed(vk_image_read(image, 0, &byte, 1, error), *error);
	vk_image_free(image);
	return byte;
}

static const char *const mounts_of_replica[] = {
	"43 22 0:53 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n",
	"43 22 0:53 / @/vault rw - nfs 127.0.0.2:/copies/VAULT ro\n",
	"43 22 0:53 / @/above rw - nfs4 127.0.0.2:/ ro\n",
	/* The first is another server's. */
	"43 22 0:53 / @/above/copies/vault rw - nfs4 127.0.0.1:/copies/vault ro\n"
	"44 22 0:53 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n",
};

START_TEST(reads_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();
	g_autofree char *above = bed_path(bed, "above/copies");
	g_autofree char *link = bed_path(bed, "above/copies/vault");
	g_autofree char *vault = bed_path(bed, "vault");
	VkCopyReader reader = vk_arrays_reader(bed->arrays);
	g_autoptr(GError) error = NULL;
	g_autofree char *serves = NULL;
	gboolean has = TRUE;

	ck_assert_int_eq(g_mkdir_with_parents(above, 0700), 0);
	ck_assert_int_eq(symlink(vault, link), 0);
	set_mounts(mounts_of_replica[_i]);
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
	ck_assert(!reader.has(reader.data, copy));
	serves = reader.replica(reader.data, copy);
	ck_assert_str_eq(serves, "second");
	bed_succeed(vk_arrays_has(bed->arrays, copy, &has, &error), error);
	ck_assert(!has);
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

START_TEST(asks_for_a_mount_of_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();
	VkCopyReader reader = vk_arrays_reader(bed->arrays);
	g_autoptr(GError) error = NULL;

	/* It is the same file, but by another server. */
	set_mounts("43 22 0:53 / @/vault rw - nfs4 127.0.0.1:/copies/vault ro\n");
	ck_assert_int_eq(read_copy(copy, &error), 0);
	ck_assert_msg(strstr(error->message, "'d:vault' of the array 'second' has it") != NULL,
		      "%s", error->message);
	ck_assert(!reader.has(reader.data, copy));
	ck_assert_ptr_null(reader.replica(reader.data, copy));
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

START_TEST(knows_that_there_is_no_replica)
{
	g_autoptr(json_t) copy = pair_snap("vaulted/a.raw", "hourly");
	g_autoptr(GError) error = NULL;

	set_mounts(mounts_of_replica[0]);
	ck_assert(!vk_arrays_may_have_replica(bed->arrays, copy));
	/* What we may not ask is as good as none. */
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status", "path",
				      "/relationships", "status", 403, "code", "6", "times", -1)));
	ck_assert(!vk_arrays_may_have_replica(bed->arrays, copy));
	/* Nobody knows what is on a cluster that is silent. */
	bed_configure(bed,
		      FIRST "[array second]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN);
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

/* The secondary was not asked: whether it has the copy is not known. */
START_TEST(has_no_login_of_the_secondary)
{
	g_autoptr(json_t) copy = make_replica();

	bed_configure(bed, FIRST "[array second]\nurl = https://127.0.0.1:&\nuser = admin\n"
				 "password_file = @/gone\n");
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
	/* It tells nothing at all as long as its version is unknown. */
	bed_configure(bed, FIRST SECOND);
	bed->control_port = bed->second_port;
	json_decref(
		bed_control(bed, "POST", "faults",
			    json_pack("{s:s, s:s, s:i, s:s, s:i}", "action", "status", "path",
				      "/api/cluster$", "status", 403, "code", "6", "times", -1)));
	ck_assert(vk_arrays_may_have_replica(bed->arrays, copy));
}
END_TEST

/* Replicates vaulted/NAME/a.raw; what is below ELSEWHERE, mounted by MOUNT, is not its replica. */
static void check_no_replica(const char *name, const char *elsewhere, const char *mount)
{
	g_autofree char *primary = bed_path(bed, "vaulted/.snapshot");
	g_autofree char *away = bed_path(bed, "away");
	g_autofree char *file = g_strdup_printf("vaulted/%s/a.raw", name);
	g_autoptr(GError) error = NULL;
	g_autoptr(json_t) copy = NULL;
	g_autofree char *other = NULL;

	bed_write(bed, file, "a");
	copy = pair_snap(file, "daily");
	bed_succeed(vk_arrays_replicate(bed->arrays, copy, 20, &error), error);
	ck_assert_int_eq(rename(primary, away), 0);
	other = g_strdup_printf("%s/.snapshot/%s/a.raw", elsewhere, pair_snapshot_of(copy));
	bed_write(bed, other, "x");
	set_mounts(mount);
	ck_assert_int_eq(read_copy(copy, &error), 0);
	ck_assert_msg(strstr(error->message, "no mount of this host") != NULL, "%s",
		      error->message);
}

/* Names of directories may differ only by their case: those are others. */
START_TEST(mounts_another_directory_of_the_secondary)
{
	check_no_replica("dir", "DIR",
			 "43 22 0:53 / @/DIR rw - nfs4 127.0.0.2:/copies/vault/DIR ro\n");
}
END_TEST

/* The junction of another volume is in the replica's: what is there is not of the replica. */
START_TEST(mounts_another_volume_of_the_secondary)
{
	check_no_replica("b", "nested",
			 "43 22 0:53 / @/nested rw - nfs4 127.0.0.2:/copies/vault/b ro\n");
}
END_TEST

/* The mount of a dead server hangs whoever looks for a file there. */
START_TEST(leaves_other_servers_alone)
{
	g_autoptr(json_t) copy = make_replica();
	g_autoptr(GError) error = NULL;

	set_mounts("43 22 0:53 / @/dead rw - nfs4 127.0.0.9:/copies/vault ro\n"
		   "44 22 0:54 / @/vault rw - nfs4 127.0.0.2:/copies/vault ro\n");
	looks = 0;
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
	ck_assert_uint_eq(looks, 0);
}
END_TEST

static GAsyncQueue *opened;

static gpointer open_copy(gpointer copy)
{
	VkImage *image = vk_arrays_open_image(bed->arrays, copy, NULL);

	g_async_queue_push(opened, GINT_TO_POINTER(image ? 1 : -1));
	return image;
}

/* 1: it was opened. */
static int next_opened(void)
{
	return GPOINTER_TO_INT(g_async_queue_timeout_pop(opened, 20 * G_USEC_PER_SEC));
}

/* As long as an array lets one image wait, others are opened, and nobody opens that one, too. */
START_TEST(opens_each_image_once)
{
	g_autoptr(json_t) slow = make_replica();
	g_autoptr(json_t) quick = pair_snap("alone/a.raw", "daily");
	json_t *copies[] = {slow, slow, quick};
	GThread *threads[G_N_ELEMENTS(copies)];
	VkImage *images[G_N_ELEMENTS(copies)];
	g_autoptr(json_t) requests = NULL;

	set_mounts(mounts_of_replica[0]);
	opened = g_async_queue_new();
	bed->control_port = bed->second_port;
	bed_add_fault(bed, "hold", "GET", "/snapmirror/relationships", "before");
	json_decref(bed_requests(bed));
	threads[0] = g_thread_new("open", open_copy, copies[0]);
	json_decref(bed_control(bed, "GET", "held", NULL));
	for (guint i = 1; i < G_N_ELEMENTS(copies); i++)
		threads[i] = g_thread_new("open", open_copy, copies[i]);
	ck_assert_int_eq(next_opened(), 1);
	ck_assert_int_eq(g_async_queue_length(opened), 0);
	json_decref(bed_control(bed, "POST", "release", NULL));
	/* The one that comes late finds it open. */
	for (guint i = 0; i < G_N_ELEMENTS(copies); i++)
		images[i] = g_thread_join(threads[i]);
	for (guint i = 0; i < G_N_ELEMENTS(copies); i++)
		vk_image_free(images[i]);
	ck_assert_int_eq(next_opened(), 1);
	ck_assert_int_eq(next_opened(), 1);
	requests = bed_requests(bed);
	ck_assert_uint_eq(bed_count(requests, "GET", "*/snapmirror/relationships*"), 1);
	g_async_queue_unref(opened);
}
END_TEST

START_TEST(reads_the_secondary_of_a_lost_array)
{
	g_autoptr(json_t) copy = make_replica();
	g_autoptr(GError) error = NULL;

	set_mounts(mounts_of_replica[0]);
	bed_configure(bed,
		      "[array first]\nurl = https://127.0.0.1:1\nNTAP_TIMEOUT = 1\n" LOGIN SECOND);
	ck_assert_msg(read_copy(copy, &error) == 'a', "%s", error ? error->message : "wrong");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ontap-replica");
	TCase *tcase = tcase_create("ontap-replica");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, pair_setup, pair_teardown);
	tcase_add_loop_test(tcase, reads_the_secondary, 0, G_N_ELEMENTS(mounts_of_replica));
	tcase_add_test(tcase, asks_for_a_mount_of_the_secondary);
	tcase_add_test(tcase, knows_that_there_is_no_replica);
	tcase_add_test(tcase, reads_the_secondary_of_a_lost_array);
	tcase_add_test(tcase, has_no_login_of_the_secondary);
	tcase_add_test(tcase, mounts_another_directory_of_the_secondary);
	tcase_add_test(tcase, mounts_another_volume_of_the_secondary);
	tcase_add_test(tcase, leaves_other_servers_alone);
	tcase_add_test(tcase, opens_each_image_once);
	suite_add_tcase(suite, tcase);
	return bed_run(suite);
}
