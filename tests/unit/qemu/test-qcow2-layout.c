/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* That an image is made like another one, and nothing else is believed. */
#include "child.h"
#include "json.h"
#include "qemu-image.h"
#include "qcow2-layout.h"

#include <check.h>
#include <glib/gstdio.h>

static char *directory;
static GError *error;

static void set_up(void)
{
	directory = g_dir_make_tmp("virtkeep-layout-XXXXXX", NULL);
	ck_assert_ptr_nonnull(directory);
}

static void tear_down(void)
{
	g_autofree char *one = g_build_filename(directory, "one", NULL);
	g_autofree char *other = g_build_filename(directory, "other", NULL);
	g_autofree char *data = g_build_filename(directory, "data", NULL);

	g_unlink(one);
	g_unlink(other);
	g_unlink(data);
	g_rmdir(directory);
	g_clear_pointer(&directory, g_free);
	g_clear_error(&error);
}

/* The layout of a fresh image of OPTIONS (nullable). */
static json_t *layout_of(const char *name, const char *options)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	const VkQemuLayer image = {.path = path, .format = "qcow2"};
	g_autoptr(json_t) info = NULL;

	ck_assert_msg(vk_image_file_create(&image, options, 1024 * 1024, &error), "%s",
		      error ? error->message : "?");
	info = vk_qemu_image_info(&image, &error);
	ck_assert_ptr_nonnull(info);
	return vk_qcow2_layout_of(info);
}

static const char *const options[] = {
	"cluster_size=2097152",
	"cluster_size=131072,extended_l2=on",
	"refcount_bits=64,lazy_refcounts=on,compression_type=zstd",
	"cluster_size=4096,compat=0.10",
	NULL,
};

START_TEST(the_like_is_made)
{
	g_autoptr(json_t) layout = layout_of("one", options[_i]);
	g_autofree char *again = vk_qcow2_layout_options(layout);
	g_autoptr(json_t) other = layout_of("other", again);

	ck_assert_str_eq(again ? again : "", options[_i] ? options[_i] : "");
	ck_assert(json_equal(layout, other));
	ck_assert_int_eq(json_object_size(layout) > 0, options[_i] != NULL);
}
END_TEST

START_TEST(a_data_file_is_told)
{
	g_autofree char *option = g_strdup_printf("data_file=%s/data", directory);
	g_autofree char *data = g_build_filename(directory, "data", NULL);
	g_autoptr(json_t) layout = layout_of("one", option);

	ck_assert_str_eq(vk_qcow2_layout_data_file(layout), data);
	ck_assert_ptr_null(vk_qcow2_layout_options(layout));
}
END_TEST

static const char *const doubtful[] = {
	"{\"cluster_size\":\"65536,backing_file=/etc/shadow\"}",
	"{\"cluster_size\":3,\"refcount_bits\":-1}",
	"{\"cluster_size\":1099511627776,\"refcount_bits\":128}",
	"{\"compat\":\"1.1,data_file=/etc/shadow\",\"compression_type\":\"x\"}",
	"{\"extended_l2\":\"on\",\"lazy_refcounts\":1}",
};

START_TEST(what_is_not_known_is_left_out)
{
	g_autoptr(json_t) layout = json_loads(doubtful[_i], 0, NULL);

	ck_assert_ptr_nonnull(layout);
	ck_assert_ptr_null(vk_qcow2_layout_options(layout));
}
END_TEST

START_TEST(extended_l2_needs_large_clusters)
{
	g_autoptr(json_t) layout =
		json_loads("{\"extended_l2\":true,\"cluster_size\":512}", 0, NULL);
	g_autofree char *text = vk_qcow2_layout_options(layout);

	ck_assert_str_eq(text, "extended_l2=on");
	ck_assert_ptr_null(vk_qcow2_layout_options(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("qcow2-layout");
	TCase *tests = tcase_create("qcow2-layout");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, the_like_is_made, 0, G_N_ELEMENTS(options));
	tcase_add_test(tests, a_data_file_is_told);
	tcase_add_loop_test(tests, what_is_not_known_is_left_out, 0, G_N_ELEMENTS(doubtful));
	tcase_add_test(tests, extended_l2_needs_large_clusters);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
