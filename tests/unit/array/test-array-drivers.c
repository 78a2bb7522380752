/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver a section gets, and what the drivers' capabilities decide. */
#include "array-driver.h"
#include "array-drivers.h"
#include "errors.h"

#include <check.h>
#include <string.h>

static GError *error;

/* ---- drivers that have every disk, or none ---- */

static VkArrayDisk *probe_any(VkArray *array, const GPtrArray *layers, GError **ret_error)
{
	VkArrayDisk *disk = g_new0(VkArrayDisk, 1);

	disk->volumes = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(disk->volumes, g_strdup(array->name));
	return disk;
}

static VkArrayDisk *probe_none(VkArray *array, const GPtrArray *layers, GError **ret_error)
{
	vk_fail(ret_error, VK_ERROR_NOT_FOUND, "it is elsewhere");
	return NULL;
}

static VkArrayDisk *probe_silent(VkArray *array, const GPtrArray *layers, GError **ret_error)
{
	vk_fail(ret_error, VK_ERROR_FAILED, "no answer");
	return NULL;
}

static void free_disk(VkArrayDisk *disk)
{
	g_free(disk);
}

static void free_array(VkArray *array)
{
	g_free(array->name);
	g_free(array);
}

static const VkArrayOps any_ops = {.probe = probe_any, .disk_free = free_disk, .free = free_array};
static const VkArrayOps none_ops = {.probe = probe_none, .free = free_array};
static const VkArrayOps silent_ops = {.probe = probe_silent, .free = free_array};

static VkArray *create(const VkArrayOps *ops, const char *name)
{
	VkArray *array = g_new0(VkArray, 1);

	array->ops = ops;
	array->name = g_strdup(name);
	return array;
}

static VkArray *create_any(const VkSettings *settings, const char *name, VkWarn warn,
			   GError **ret_error)
{
	return create(&any_ops, name);
}

static VkArray *create_none(const VkSettings *settings, const char *name, VkWarn warn,
			    GError **ret_error)
{
	return create(&none_ops, name);
}

static VkArray *create_silent(const VkSettings *settings, const char *name, VkWarn warn,
			      GError **ret_error)
{
	return create(&silent_ops, name);
}

static const VkArrayDriver volumes = {"ontap", create_none,
				      VK_ARRAY_PROBES_PATHS | VK_ARRAY_SNAPS_VOLUMES};
static const VkArrayDriver silent = {"ontap", create_silent,
				     VK_ARRAY_PROBES_PATHS | VK_ARRAY_SNAPS_VOLUMES};
static const VkArrayDriver built_in = {"trial", create_any,
				       VK_ARRAY_PROBES_PATHS | VK_ARRAY_IS_BUILT_IN};
static const VkArrayDriver other = {"other", create_any, VK_ARRAY_PROBES_PATHS};
static const VkArrayDriver pools = {"ontap", create_any, VK_ARRAY_PROBES_POOLS};

/* ---- what they are asked ---- */

#define SECTION "[array one]\nurl = https://one\n"

static VkSettings *parse(const char *text)
{
	VkSettings *settings = vk_settings_parse(text, strlen(text), "/etc/conf", &error);

	ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
	return settings;
}

/* The array that has the disk of one LAYER, which it takes over; NULL with an error. New string. */
static char *probe(VkArrays *arrays, VkArrayLayer *layer)
{
	g_autoptr(GPtrArray) layers =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_array_layer_free);
	g_autoptr(VkArrayDisk) disk = NULL;

	g_ptr_array_add(layers, layer);
	disk = vk_arrays_probe(arrays, layers, &error);
	return disk ? g_strdup(g_ptr_array_index(vk_array_disk_volumes(disk), 0)) : NULL;
}

static char *probe_file(VkArrays *arrays)
{
	return probe(arrays, vk_array_layer_new("/srv/web.raw", "raw"));
}

static void expect_error(const char *words)
{
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error->message, words) != NULL, "%s", error->message);
	g_clear_error(&error);
}

START_TEST(unknown_drivers_are_refused)
{
	static const VkArrayDriver *const drivers[] = {&other, &built_in, NULL};
	g_autoptr(VkSettings) settings = parse(SECTION);

	ck_assert_ptr_null(vk_arrays_new_of(drivers, settings, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_USAGE));
	expect_error("'/etc/conf': [array one] driver: must be 'other', not 'ontap'");
}
END_TEST

START_TEST(names_of_built_in_drivers_are_taken)
{
	static const VkArrayDriver *const drivers[] = {&volumes, &built_in, NULL};
	g_autoptr(VkSettings) settings = parse("[array trial]\nurl = https://one\n");

	ck_assert_ptr_null(vk_arrays_new_of(drivers, settings, NULL, &error));
	expect_error("[array trial]: that name is taken");
}
END_TEST

START_TEST(only_some_drivers_take_volumes)
{
	static const VkArrayDriver *const drivers[] = {&volumes, &built_in, NULL};
	g_autoptr(VkSettings) none = parse("");
	g_autoptr(VkSettings) one = parse(SECTION);
	g_autoptr(VkArrays) without = vk_arrays_new_of(drivers, none, NULL, &error);
	g_autoptr(VkArrays) with = vk_arrays_new_of(drivers, one, NULL, &error);

	ck_assert(!vk_arrays_have_volumes(without));
	ck_assert(vk_arrays_have_volumes(with));
}
END_TEST

/* What works by a trial is asked last, and not at all when an array that may have it is silent. */
START_TEST(trials_come_last)
{
	static const VkArrayDriver *const sure[] = {&built_in, &volumes, NULL};
	static const VkArrayDriver *const unsure[] = {&built_in, &silent, NULL};
	g_autoptr(VkSettings) settings = parse(SECTION);
	g_autoptr(VkArrays) answering = vk_arrays_new_of(sure, settings, NULL, &error);
	g_autoptr(VkArrays) dead = vk_arrays_new_of(unsure, settings, NULL, &error);
	g_autofree char *found = probe_file(answering);

	ck_assert_str_eq(found, "trial");
	ck_assert_ptr_null(probe_file(dead));
	expect_error("no answer");
}
END_TEST

/* An image in a pool is for the driver that knows pools. */
START_TEST(pools_are_for_some)
{
	static const VkArrayDriver *const drivers[] = {&pools, &built_in, NULL};
	g_autoptr(VkSettings) settings = parse(SECTION);
	g_autoptr(VkSettings) none = parse("");
	g_autoptr(VkArrays) all = vk_arrays_new_of(drivers, settings, NULL, &error);
	g_autoptr(VkArrays) few = vk_arrays_new_of(drivers, none, NULL, &error);
	g_autofree char *of_pool = probe(all, vk_array_layer_new_in_pool("rbd", "web", "raw"));
	g_autofree char *of_file = probe_file(all);

	ck_assert_str_eq(of_pool, "one");
	ck_assert_str_eq(of_file, "trial");
	ck_assert_ptr_null(probe(few, vk_array_layer_new_in_pool("rbd", "web", "raw")));
	expect_error("'rbd/web': it is not a file or device of this host");
}
END_TEST

/* The configuration knows all drivers of the table that a section can name. */
START_TEST(the_configuration_knows_the_drivers)
{
	g_autoptr(VkSettings) settings = parse(SECTION);
	g_autoptr(VkArrays) arrays = vk_arrays_new(settings, NULL, &error);

	ck_assert_msg(arrays != NULL, "%s", error ? error->message : "");
	ck_assert(!vk_settings_check("array one", "driver", "reflink", &error));
	expect_error("'ontap'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("array-drivers");
	TCase *tcase = tcase_create("array-drivers");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, unknown_drivers_are_refused);
	tcase_add_test(tcase, names_of_built_in_drivers_are_taken);
	tcase_add_test(tcase, only_some_drivers_take_volumes);
	tcase_add_test(tcase, trials_come_last);
	tcase_add_test(tcase, pools_are_for_some);
	tcase_add_test(tcase, the_configuration_knows_the_drivers);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
