/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the directory store promises beyond reading back what was put. */
#include "store.h"

#include "errors.h"
#include "io.h"
#include "temp-vault.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory;
static VkStore *store;
static VkIo real;

static void setup(void)
{
	static const char *const folders[] = {"packs", "things", "tmp", NULL};

	real = vk_io;
	directory = temp_directory_new();
	store = vk_store_dir_new(directory, folders, NULL);
	ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
	vk_io = real;
	store->ops->free(store);
	temp_directory_remove(directory);
	g_free(directory);
}

static gboolean put(const char *name, VkPutMode mode, GError **error)
{
	char text[] = "content";
	struct iovec part = {.iov_base = text, .iov_len = strlen(text)};

	return vk_store_put(store, name, &part, 1, mode, error);
}

START_TEST(what_was_deleted_is_not_read_again)
{
	char text[7];

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->get(store, "things/a", 0, text, sizeof(text), NULL));
	ck_assert(store->ops->delete (store, "things/a", NULL));
	ck_assert(!store->ops->get(store, "things/a", 0, text, sizeof(text), NULL));
}
END_TEST

static int failure;

static ssize_t failing_pread(int fd, void *buf, size_t length, off_t offset)
{
	errno = failure;
	return -1;
}

static int failing_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	errno = failure;
	return -1;
}

static void expect_code(const char *name, VkErrorCode code)
{
	g_autoptr(GError) error = NULL;
	char text[7];

	ck_assert(!store->ops->get(store, name, 0, text, sizeof(text), &error));
	ck_assert_msg(g_error_matches(error, VK_ERROR, (int)code), "%s", error->message);
	ck_assert_ptr_nonnull(strstr(error->message, g_strerror(failure)));
}

/* Of other objects it stays a failure, which nobody may pass over. So do other errors. */
START_TEST(what_a_disk_has_lost_of_a_pack_is_damage)
{
	static const int lost[] = {EIO, EUCLEAN, EBADMSG};

	ck_assert(put("packs/a", VK_PUT_NOW, NULL));
	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	if (_i == 0)
		vk_io.openat = failing_openat;
	else
		vk_io.pread = failing_pread;
	for (guint i = 0; i < G_N_ELEMENTS(lost); i++) {
		failure = lost[i];
		expect_code("packs/a", VK_ERROR_DAMAGE);
		expect_code("things/a", VK_ERROR_FAILED);
	}
	failure = EACCES;
	expect_code("packs/a", VK_ERROR_FAILED);
}
END_TEST

START_TEST(head_says_when_an_object_was_stored)
{
	const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	g_autofree char *path = g_build_filename(directory, "things/a", NULL);
	gint64 before = g_get_real_time() / G_USEC_PER_SEC;
	guint64 size = 0;
	gint64 stored = 0;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->head(store, "things/a", &size, &stored, NULL));
	ck_assert_uint_eq(size, strlen("content"));
	/* The clock of the file system may be a tick behind. */
	ck_assert_int_ge(stored, before - 1);
	ck_assert_int_le(stored, g_get_real_time() / G_USEC_PER_SEC);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	ck_assert(store->ops->head(store, "things/a", &size, &stored, NULL));
	ck_assert_int_eq(stored, 1000000000);
}
END_TEST

/* The store keeps open what it has read. */
START_TEST(head_sees_that_another_process_deleted_it)
{
	g_autofree char *path = g_build_filename(directory, "things/a", NULL);
	g_autoptr(GError) error = NULL;
	guint64 size;
	char byte;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->get(store, "things/a", 0, &byte, 1, NULL));
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert(!store->ops->head(store, "things/a", &size, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
}
END_TEST

/* Who has read the old object, in this process or another, reads the new one. */
START_TEST(one_object_can_be_replaced)
{
	static const char *const folders[] = {"packs", "things", "tmp", NULL};
	VkStore *other = vk_store_dir_new(directory, folders, NULL);
	char text[] = "another content";
	struct iovec part = {.iov_base = text, .iov_len = strlen(text)};
	g_autoptr(GBytes) before = NULL;
	g_autoptr(GBytes) after = NULL;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	before = vk_store_get_all(other, "things/a", 100, NULL);
	ck_assert_uint_eq(g_bytes_get_size(before), strlen("content"));
	ck_assert(vk_store_put(store, "things/a", &part, 1, VK_PUT_OVER, NULL));
	after = vk_store_get_all(other, "things/a", 100, NULL);
	ck_assert_uint_eq(g_bytes_get_size(after), strlen(text));
	ck_assert(memcmp(g_bytes_get_data(after, NULL), text, strlen(text)) == 0);
	other->ops->free(other);
}
END_TEST

/* As NFS answers for a file that another host removed: only once the name is looked up anew is it
 * another file. */
static ssize_t stale_pread(int fd, void *buf, size_t length, off_t offset)
{
	struct stat facts;

	if (fstat(fd, &facts) == 0 && facts.st_nlink > 0)
		return real.pread(fd, buf, length, offset);
	errno = ESTALE;
	return -1;
}

START_TEST(a_stale_file_is_looked_up_anew)
{
	g_autofree char *path = g_build_filename(directory, "things/a", NULL);
	g_autoptr(GError) error = NULL;
	char text[7];

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->get(store, "things/a", 0, text, sizeof(text), NULL));
	vk_io.pread = stale_pread;
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert(!store->ops->get(store, "things/a", 0, text, sizeof(text), &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_NOT_FOUND));
	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->get(store, "things/a", 0, text, sizeof(text), NULL));
	ck_assert_int_eq(g_unlink(path), 0);
	ck_assert(g_file_set_contents(path, "another", -1, NULL));
	ck_assert(store->ops->get(store, "things/a", 0, text, sizeof(text), NULL));
	ck_assert(memcmp(text, "another", sizeof(text)) == 0);
}
END_TEST

static void set_time(const char *name, gint64 ago_sec, long nsec)
{
	const struct timespec times[] = {
		{.tv_sec = g_get_real_time() / G_USEC_PER_SEC - ago_sec, .tv_nsec = nsec},
		{.tv_sec = g_get_real_time() / G_USEC_PER_SEC - ago_sec, .tv_nsec = nsec}};
	g_autofree char *path = g_build_filename(directory, name, NULL);

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Another change within the grain of the file system's clock would have the same time. */
START_TEST(what_has_just_changed_has_no_identity)
{
	guint64 first, second;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	set_time("things/a", -3600, 5);
	ck_assert(store->ops->identify(store, "things/a", &first));
	set_time("things/a", 10, 5);
	ck_assert(store->ops->identify(store, "things/a", &second));
	ck_assert(first != second);
	set_time("things/a", 10, 0);
	ck_assert(store->ops->identify(store, "things/a", &first));
	set_time("things/a", 1, 0);
	ck_assert(!store->ops->identify(store, "things/a", &first));
	ck_assert(!store->ops->identify(store, "things/b", &first));
}
END_TEST

static int failing_fsync(int fd)
{
	errno = EIO;
	return -1;
}

/* The next fsync of the directory would succeed, with the lost name still lost. */
START_TEST(a_store_that_lost_a_name_puts_nothing_durable)
{
	g_autoptr(GError) error = NULL;

	vk_io.fsync = failing_fsync;
	ck_assert(!put("things/a", VK_PUT_NOW, NULL));
	vk_io = real;
	ck_assert(!put("things/b", VK_PUT_NOW, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "start again"));
	ck_assert(put("things/c", VK_PUT_HINT, NULL));
}
END_TEST

/* A power failure may bring back what was deleted, whatever a later fsync says. */
START_TEST(a_store_that_lost_a_deletion_puts_nothing_durable)
{
	g_autoptr(GError) error = NULL;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	vk_io.fsync = failing_fsync;
	ck_assert(!store->ops->delete (store, "things/a", NULL));
	vk_io = real;
	ck_assert(!put("things/b", VK_PUT_NOW, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "start again"));
	ck_assert(!store->ops->sync(store, NULL));
}
END_TEST

/* A directory outside of the store, with a file "a" in it, and a link to it as PLACE in the store.
 */
static char *link_outside(const char *place)
{
	char *outside = temp_directory_new();
	g_autofree char *file = g_build_filename(outside, "a", NULL);
	g_autofree char *link = g_build_filename(directory, place, NULL);

	ck_assert(g_file_set_contents(file, "another's", -1, NULL));
	/* What changed a moment ago has no identity in any case. */
	ck_assert_int_eq(utimensat(AT_FDCWD, file, (const struct timespec[2]){0}, 0), 0);
	g_rmdir(link);
	ck_assert_int_eq(symlink(outside, link), 0);
	return outside;
}

/* It has what it had. */
static void check_outside(char *outside)
{
	g_autofree char *file = g_build_filename(outside, "a", NULL);
	g_autoptr(GDir) dir = g_dir_open(outside, 0, NULL);
	g_autofree char *text = NULL;

	ck_assert_str_eq(g_dir_read_name(dir), "a");
	ck_assert_ptr_null(g_dir_read_name(dir));
	ck_assert(g_file_get_contents(file, &text, NULL, NULL));
	ck_assert_str_eq(text, "another's");
	temp_directory_remove(outside);
	g_free(outside);
}

static void check_refused(gboolean done, GError **error)
{
	ck_assert(!done);
	ck_assert_ptr_nonnull(*error);
	g_clear_error(error);
}

/* Whoever can write to a vault could have root remove or read other files. */
START_TEST(a_link_in_place_of_a_folder_is_not_followed)
{
	static const char *const places[] = {"things", "things/deep"};
	const char *place = places[_i];
	g_autofree char *name = g_strconcat(place, "/a", NULL);
	g_autofree char *other = g_strconcat(place, "/b", NULL);
	g_autofree char *below = g_strconcat(place, "/new/c", NULL);
	g_autoptr(GError) error = NULL;
	char *outside = link_outside(place);
	guint64 number;
	char text[7];

	ck_assert_ptr_null(store->ops->list(store, place, &error));
	ck_assert_msg(strstr(error->message, "symbolic links") != NULL, "%s", error->message);
	g_clear_error(&error);
	check_refused(store->ops->get(store, name, 0, text, sizeof(text), &error), &error);
	check_refused(store->ops->head(store, name, &number, NULL, &error), &error);
	ck_assert(!store->ops->identify(store, name, &number));
	check_refused(store->ops->delete (store, name, &error), &error);
	check_refused(put(other, VK_PUT_NOW, &error), &error);
	check_refused(put(name, VK_PUT_OVER, &error), &error);
	check_refused(put(below, VK_PUT_NOW, &error), &error);
	check_outside(outside);
}
END_TEST

/* What lies in tmp/ and nobody locks is removed. */
START_TEST(a_link_in_place_of_tmp_removes_nothing)
{
	g_autoptr(GError) error = NULL;
	char *outside = link_outside("tmp");

	check_refused(put("things/a", VK_PUT_NOW, &error), &error);
	check_outside(outside);
}
END_TEST

/* An object is never written to, only replaced or removed: another name of it keeps what it had. */
START_TEST(another_name_of_an_object_keeps_its_content)
{
	g_autofree char *object = g_build_filename(directory, "things/a", NULL);
	char *outside = temp_directory_new();
	g_autofree char *file = g_build_filename(outside, "a", NULL);

	ck_assert(g_file_set_contents(file, "another's", -1, NULL));
	ck_assert_int_eq(link(file, object), 0);
	ck_assert(put("things/a", VK_PUT_OVER, NULL));
	ck_assert_int_eq(g_unlink(object), 0);
	ck_assert_int_eq(link(file, object), 0);
	ck_assert(!put("things/a", VK_PUT_NOW, NULL));
	ck_assert(store->ops->delete (store, "things/a", NULL));
	check_outside(outside);
}
END_TEST

static mode_t mode_of(const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	struct stat facts;

	ck_assert_int_eq(stat(path, &facts), 0);
	return facts.st_mode & 07777;
}

START_TEST(nobody_else_may_read_and_nobody_write)
{
	mode_t before = umask(0);

	ck_assert(put("things/deep/a", VK_PUT_NOW, NULL));
	ck_assert(put("b", VK_PUT_OVER, NULL));
	ck_assert(put("things/c", VK_PUT_HINT, NULL));
	umask(before);
	ck_assert_int_eq(mode_of("."), 0700);
	ck_assert_int_eq(mode_of("things"), 0700);
	ck_assert_int_eq(mode_of("things/deep"), 0700);
	ck_assert_int_eq(mode_of("things/deep/a"), 0400);
	ck_assert_int_eq(mode_of("b"), 0400);
	ck_assert_int_eq(mode_of("things/c"), 0400);
}
END_TEST

/* The memory of no host is enough for it. */
START_TEST(an_object_that_is_too_large_is_not_read)
{
	g_autofree char *path = g_build_filename(directory, "things/a", NULL);
	g_autoptr(GError) error = NULL;

	ck_assert(put("things/a", VK_PUT_NOW, NULL));
	ck_assert_int_eq(g_chmod(path, 0600), 0);
	ck_assert_int_eq(truncate(path, (off_t)1 << 42), 0);
	ck_assert_ptr_null(vk_store_get_all(store, "things/a", 1 << 20, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_deleted_is_not_read_again);
	tcase_add_loop_test(tcase, what_a_disk_has_lost_of_a_pack_is_damage, 0, 2);
	tcase_add_test(tcase, head_says_when_an_object_was_stored);
	tcase_add_test(tcase, head_sees_that_another_process_deleted_it);
	tcase_add_test(tcase, one_object_can_be_replaced);
	tcase_add_test(tcase, a_stale_file_is_looked_up_anew);
	tcase_add_test(tcase, what_has_just_changed_has_no_identity);
	tcase_add_test(tcase, a_store_that_lost_a_name_puts_nothing_durable);
	tcase_add_test(tcase, a_store_that_lost_a_deletion_puts_nothing_durable);
	tcase_add_loop_test(tcase, a_link_in_place_of_a_folder_is_not_followed, 0, 2);
	tcase_add_test(tcase, a_link_in_place_of_tmp_removes_nothing);
	tcase_add_test(tcase, another_name_of_an_object_keeps_its_content);
	tcase_add_test(tcase, nobody_else_may_read_and_nobody_write);
	tcase_add_test(tcase, an_object_that_is_too_large_is_not_read);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
