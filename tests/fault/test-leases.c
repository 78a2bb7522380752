/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the N-th I/O call fail while a lease is taken, fenced, ended and swept, for every N: what
 * was called done is there, and what is left of a lease is either open or has ended.
 */
#include "lease.h"

#include "announcement.h"
#include "io.h"
#include "layout.h"
#include "lease-list.h"
#include "lease-sweep.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT "snaps/11111111-2222-3333-4444-555555555555/20261121T120000Z-0123456789abcdef.json"

static VkIo real;
static int calls_left; /* until the fault; negative: it has happened */
static char *directory;
static VkStore *store;

static gboolean is_due(void)
{
	if (calls_left < 0 || calls_left-- > 0)
		return FALSE;
	errno = EIO;
	return TRUE;
}

static int faulty_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return is_due() ? -1 : real.openat(dirfd, path, flags, mode);
}

static ssize_t faulty_pread(int fd, void *buf, size_t length, off_t offset)
{
	return is_due() ? -1 : real.pread(fd, buf, length, offset);
}

static ssize_t faulty_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	return is_due() ? -1 : real.pwrite(fd, buf, length, offset);
}

static int faulty_fdatasync(int fd)
{
	return is_due() ? -1 : real.fdatasync(fd);
}

static int faulty_fsync(int fd)
{
	return is_due() ? -1 : real.fsync(fd);
}

static int faulty_renameat2(int olddir, const char *old, int newdir, const char *name,
			    unsigned flags)
{
	return is_due() ? -1 : real.renameat2(olddir, old, newdir, name, flags);
}

static int faulty_unlinkat(int dirfd, const char *path, int flags)
{
	return is_due() ? -1 : real.unlinkat(dirfd, path, flags);
}

static void arm(int call)
{
	calls_left = call;
	vk_io.openat = faulty_openat;
	vk_io.pread = faulty_pread;
	vk_io.pwrite = faulty_pwrite;
	vk_io.fdatasync = faulty_fdatasync;
	vk_io.fsync = faulty_fsync;
	vk_io.renameat2 = faulty_renameat2;
	vk_io.unlinkat = faulty_unlinkat;
}

static void setup(void)
{
	real = vk_io;
	directory = temp_directory_new();
	store = vk_store_dir_new(directory, vk_vault_folders, NULL);
	ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
	vk_io = real;
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
}

static gboolean has(const char *folder, const char *id, const char *part)
{
	g_autofree char *path = g_strdup_printf("%s/%s/%s%s", directory, folder, id, part);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static guint count_objects(const char *folder)
{
	g_autoptr(GPtrArray) names = store->ops->list(store, folder, NULL);

	return names->len;
}

/* What a writer and a collector do to one lease. Returns its id, or NULL if it did not begin. */
static char *run_all(void)
{
	static const VkPackId pack;
	VkLease *lease = vk_lease_begin(store, VK_LEASE_COLLECT, NULL, NULL);
	g_autoptr(VkAnnouncement) announcement = vk_announcement_new();
	g_autoptr(json_t) object = json_pack("{s:s}", "some", "thing");
	gboolean fenced = FALSE, put, looked;
	char *id;

	if (!lease)
		return NULL;
	id = g_strdup(vk_lease_id(lease));
	ck_assert(has("leases", id, ".0"));
	put = vk_lease_put_intent(lease, SNAPSHOT, object, NULL);
	ck_assert(!put || has("leases", id, ".commit"));
	vk_announcement_add(announcement, &pack, NULL);
	put = vk_announcement_put(store, id, announcement, NULL);
	ck_assert(!put || has("gc", id, ""));
	put = vk_lease_fence(store, id, NULL);
	looked = vk_lease_is_fenced(lease, &fenced, NULL);
	ck_assert(!put || !looked || fenced);
	vk_lease_end(lease);
	return id;
}

/* Without its end, the lease itself is there: nothing else of it is left to nobody. */
static void check_rest(const char *id)
{
	gboolean rest = count_objects("leases") + count_objects("gc") + count_objects("fence") > 0;
	g_autoptr(GPtrArray) infos = vk_leases_list(store, NULL);

	ck_assert(!rest || has("leases", id, ".0") || has("leases", id, ".end"));
	ck_assert_uint_eq(infos->len, rest);
	if (rest && has("leases", id, ".end"))
		ck_assert(vk_lease_sweep(store, id, NULL));
	else if (rest)
		ck_assert(!vk_lease_sweep(store, id, NULL));
}

START_TEST(any_call_may_fail)
{
	gboolean happened = TRUE;
	int call;

	for (call = 0; happened; call++) {
		g_autofree char *id = NULL;

		setup();
		arm(call);
		id = run_all();
		happened = calls_left < 0;
		vk_io = real;
		if (id)
			check_rest(id);
		else
			ck_assert_uint_eq(count_objects("leases"), 0);
		if (!happened)
			ck_assert_uint_eq(count_objects("leases") + count_objects("gc") +
						  count_objects("fence"),
					  0);
		teardown();
	}
	ck_assert_int_gt(call, 25);
}
END_TEST

static Suite *leases_suite(void)
{
	Suite *suite = suite_create("leases");
	TCase *tcase = tcase_create("leases");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, any_call_may_fail);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(leases_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
