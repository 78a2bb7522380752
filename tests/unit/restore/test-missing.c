/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copying an image that is damaged in parts: what comes, what is named as missing. */
#include "errors.h"
#include "report.h"
#include "sink-copy.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((guint64)64 * 1024)
/* Not whole blocks, and more than one request of the copy. */
#define SIZE (200 * BLOCK + 1000)

/* Each byte is its block's number plus one; those of DAMAGED blocks cannot be read. */
typedef struct HurtImage {
	VkImage base;
	gboolean damaged[201];
	gboolean map_damaged[201]; /* it is not even known what is there */
	int code;                  /* of the error */
} HurtImage;

/* What was written. The destination is zeros before. */
typedef struct MemorySink {
	VkSink base;
	guint8 bytes[SIZE];
	gboolean finished;
} MemorySink;

static gboolean hurt_read(VkImage *image, guint64 offset, void *buf, gsize length, GError **error)
{
	const HurtImage *hurt = (HurtImage *)image;
	guint8 *out = buf;

	for (gsize i = 0; i < length; i++) {
		guint64 block = (offset + i) / BLOCK;

		if (hurt->damaged[block] || hurt->map_damaged[block])
			return vk_fail(error, hurt->code, "damaged");
		out[i] = (guint8)(block + 1);
	}
	return TRUE;
}

static gboolean hurt_extent(VkImage *image, guint64 offset, gboolean *ret_is_data,
			    guint64 *ret_length, GError **error)
{
	const HurtImage *hurt = (HurtImage *)image;
	guint64 end = offset;

	if (hurt->map_damaged[offset / BLOCK])
		return vk_fail(error, hurt->code, "damaged");
	while (end < image->size && !hurt->map_damaged[end / BLOCK])
		end = (end / BLOCK + 1) * BLOCK;
	*ret_is_data = TRUE;
	*ret_length = MIN(end, image->size) - offset;
	return TRUE;
}

static void hurt_free(VkImage *image)
{
}

static const VkImageOps hurt_ops = {.read = hurt_read, .extent = hurt_extent, .free = hurt_free};

static gboolean memory_write(VkSink *sink, guint64 offset, const void *buf, gsize length,
			     GError **error)
{
	memcpy(((MemorySink *)sink)->bytes + offset, buf, length);
	return TRUE;
}

static gboolean memory_finish(VkSink *sink, GError **error)
{
	((MemorySink *)sink)->finished = TRUE;
	return TRUE;
}

static const VkSinkOps memory_ops = {.write = memory_write, .finish = memory_finish};

static HurtImage image;
static MemorySink sink;
static VkMissing *missing;
static GError *error;

static void setup(void)
{
	image = (HurtImage){.base = {.ops = &hurt_ops, .size = SIZE, .fd = -1},
			    .code = VK_ERROR_DAMAGE};
	memset(&sink, 0, sizeof(sink));
	sink.base.ops = &memory_ops;
	missing = vk_missing_new();
}

static void teardown(void)
{
	g_clear_pointer(&missing, vk_missing_free);
	g_clear_error(&error);
}

static void assert_bytes(void)
{
	for (guint64 i = 0; i < SIZE; i++) {
		guint64 block = i / BLOCK;
		guint8 expected =
			image.damaged[block] || image.map_damaged[block] ? 0 : (guint8)(block + 1);

		if (sink.bytes[i] != expected)
			ck_abort_msg("byte %" G_GUINT64_FORMAT " is %u", i, sink.bytes[i]);
	}
	ck_assert(sink.finished);
}

static void copy_and_expect(const char *ranges)
{
	g_autofree char *text = NULL;

	ck_assert_msg(vk_sink_copy_image(&image.base, &sink.base, missing, NULL, &error), "%s",
		      error ? error->message : "");
	text = vk_missing_text(missing);
	ck_assert_str_eq(text, ranges);
	assert_bytes();
}

START_TEST(damaged_blocks_alone_are_missing)
{
	image.damaged[3] = image.damaged[4] = TRUE;
	image.damaged[63] = image.damaged[64] = TRUE; /* on both sides of a request's end */
	image.damaged[200] = TRUE;                    /* the rest at the end */
	copy_and_expect("196608 131072\n4128768 131072\n13107200 1000\n");
	ck_assert_uint_eq(missing->bytes, 4 * BLOCK + 1000);
}
END_TEST

START_TEST(what_a_damaged_map_names_is_missing)
{
	for (guint i = 10; i < 90; i++)
		image.map_damaged[i] = TRUE;
	copy_and_expect("655360 5242880\n");
}
END_TEST

START_TEST(a_sound_image_misses_nothing)
{
	copy_and_expect("");
	ck_assert_uint_eq(missing->bytes, 0);
}
END_TEST

START_TEST(other_errors_are_not_skipped)
{
	image.damaged[3] = TRUE;
	image.map_damaged[50] = _i == 1;
	image.code = VK_ERROR_FAILED;
	ck_assert(!vk_sink_copy_image(&image.base, &sink.base, missing, NULL, &error));
	ck_assert(!sink.finished);
}
END_TEST

START_TEST(damage_is_an_error_unless_it_is_to_be_skipped)
{
	image.damaged[3] = TRUE;
	ck_assert(!vk_sink_copy_image(&image.base, &sink.base, NULL, NULL, &error));
	ck_assert(g_error_matches(error, VK_ERROR, VK_ERROR_DAMAGE));
	ck_assert(!sink.finished);
}
END_TEST

/* A guest with a disk that lacks something is not restored as it was. */
START_TEST(what_is_missing_makes_the_status_partial)
{
	VkRestoreItem item = {.missing = missing};
	VkRestorePlan plan = {.items = g_ptr_array_new()};
	VkRestoreJob job = {.plan = &plan, .applied.kept = TRUE}, other = {0};
	g_autoptr(GPtrArray) jobs = g_ptr_array_new();

	g_ptr_array_add(plan.items, &item);
	g_ptr_array_add(jobs, &job);
	ck_assert_int_eq(vk_report_status(jobs), 0);
	vk_missing_add(missing, 0, BLOCK);
	ck_assert_int_eq(vk_report_status(jobs), VK_ERROR_PARTIAL);
	/* A file that did not stay lacks nothing, but a device does. */
	job.applied.kept = FALSE;
	ck_assert_int_eq(vk_report_status(jobs), 0);
	item.place.kind = VK_PLACE_BLOCK;
	ck_assert_int_eq(vk_report_status(jobs), VK_ERROR_PARTIAL);
	g_ptr_array_add(jobs, &other);
	ck_assert_int_eq(vk_report_status(jobs), VK_ERROR_PARTIAL);
	g_ptr_array_unref(plan.items);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("missing");
	TCase *cases = tcase_create("missing");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, damaged_blocks_alone_are_missing);
	tcase_add_test(cases, what_a_damaged_map_names_is_missing);
	tcase_add_test(cases, a_sound_image_misses_nothing);
	tcase_add_loop_test(cases, other_errors_are_not_skipped, 0, 2);
	tcase_add_test(cases, damage_is_an_error_unless_it_is_to_be_skipped);
	tcase_add_test(cases, what_is_missing_makes_the_status_partial);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
