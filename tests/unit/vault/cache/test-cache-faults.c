/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache on disks that are full or fail, killed at every write, and used by others at once. */
#include "cache-bed.h"

#include "checked-json.h"
#include "vault-parts.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than one filling of the cache needs. */
#define WRITES_MAX 1000u

static guint writes_left; /* until writing fails, or the process is killed */
static int failure;       /* the errno of writes then; 0: it is killed */
static gboolean was_failed;

static ssize_t failing_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (writes_left == 0 && failure == 0)
		raise(SIGKILL);
	if (writes_left == 0) {
		was_failed = TRUE;
		errno = failure;
		return -1;
	}
	writes_left--;
	return pwrite(fd, bytes, length, offset);
}

/* SQLite's own way to make its system calls fail. It uses one of the two. */
static void break_writes(sqlite3_syscall_ptr call)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	vfs->xSetSystemCall(vfs, "pwrite", call);
	vfs->xSetSystemCall(vfs, "pwrite64", call);
}

static void let_fail_after(guint writes, int error)
{
	writes_left = writes;
	failure = error;
	was_failed = FALSE;
	break_writes((sqlite3_syscall_ptr)failing_pwrite);
}

static const int errors[] = {ENOSPC, EROFS, EIO};

START_TEST(a_disk_that_fails_does_no_harm)
{
	guint writes;

	for (writes = 0; writes < WRITES_MAX; writes++) {
		unlink(cache_file);
		let_fail_after(writes, errors[_i]);
		expect_right();
		expect_right();
		break_writes(NULL);
		expect_right();
		if (!was_failed)
			break;
	}
	ck_assert_uint_gt(writes, 2);
	ck_assert_uint_lt(writes, WRITES_MAX);
	warm_up();
}
END_TEST

/* What was known stays known, and what is new is right. */
START_TEST(a_full_disk_does_no_harm_to_what_is_there)
{
	VkSnapshotKey fresh;

	warm_up();
	put(&fresh, UUID_A, "renamed", "20260201T120000Z");
	age_folders();
	let_fail_after(0, errors[_i]);
	expect_right();
	ck_assert(was_failed);
	expect_right();
	ck_assert_uint_le(reads, 2); /* the new one, for the name and for the list */
	break_writes(NULL);
	warm_up();
	clear_key(&fresh);
}
END_TEST

START_TEST(a_kill_at_any_write_does_no_harm)
{
	guint writes;
	int status = -1;

	for (writes = 0; writes < WRITES_MAX && status != 0; writes++) {
		pid_t child = fork();

		if (child == 0) {
			g_autofree char *seen = NULL;

			let_fail_after(writes, 0);
			seen = look();
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
		expect_right();
		unlink(cache_file);
	}
	ck_assert_uint_gt(writes, 2);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Says on PIPE_END that it has the lock, and keeps it until it is killed. */
static void hold_lock(int pipe_end)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(cache_file, &db) == SQLITE_OK &&
	    sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK &&
	    write(pipe_end, "x", 1) == 1)
		pause();
	_exit(1);
}

START_TEST(another_process_with_the_lock_does_no_harm)
{
	int ends[2], status;
	char letter;
	pid_t child;

	warm_up();
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0)
		hold_lock(ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &letter, 1), 1);
	expect_right();
	ck_assert_uint_gt(reads, 0); /* it could not use it */
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	close(ends[0]);
	expect_right();
	ck_assert_uint_eq(reads, 0);
}
END_TEST

START_TEST(later_copies_are_seen)
{
	json_t *on_array = json_pack("{s:s, s:s}", "kind", "array", "array", "reflink");
	g_autoptr(VkSnapshot) snapshot = make_snapshot(
		UUID_A, "20260301T120000Z", vk_image_record_new_on_array(65536, 65536, on_array));
	VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, 0);
	g_autofree char *name =
		vk_snapshot_key_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autofree char *copies =
		vk_snapshot_copies_object(snapshot->uuid, snapshot->time, snapshot->id);
	g_autoptr(json_t) object = vk_snapshot_to_json(snapshot);
	g_autoptr(json_t) added = NULL;

	ck_assert(vk_checked_json_put(dir.vault->store, name, object, VK_PUT_HINT, NULL));
	age(name);
	age_folders();
	warm_up();
	disk->image->runs = vk_runs_new();
	added = vk_snapshot_copies_to_json(snapshot);
	ck_assert(vk_checked_json_put(dir.vault->store, copies, added, VK_PUT_HINT, NULL));
	age(copies);
	expect_right();
	ck_assert_uint_gt(reads, 0);
	warm_up();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_disk_that_fails_does_no_harm, 0, G_N_ELEMENTS(errors));
	tcase_add_loop_test(tcase, a_full_disk_does_no_harm_to_what_is_there, 0,
			    G_N_ELEMENTS(errors));
	tcase_add_test(tcase, a_kill_at_any_write_does_no_harm);
	tcase_add_test(tcase, another_process_with_the_lock_does_no_harm);
	tcase_add_test(tcase, later_copies_are_seen);
}

int main(void)
{
	return run_cache_tests("cache-faults", add);
}
