/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packs that are read without a key: each kind of damage is found in its place, unless parity gives
 * it back. Runs on plain vaults, on encrypted ones, and on ones with parity.
 */
#include "frames-bed.h"

#include "errors.h"
#include "pack-scan.h"

#include <string.h>
#include <unistd.h>

START_TEST(a_damaged_payload_is_found_in_its_slot)
{
	prepare_frames();
	spoil("0", frame_start(5) + 1000);
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

START_TEST(the_last_byte_of_a_frame_counts)
{
	prepare_frames();
	spoil("0", frame_start(5) + frame_length(5) - 1);
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

START_TEST(the_last_frame_counts)
{
	guint32 last;

	prepare_frames();
	last = table->slots - 1;
	damage("0", frame_start(last), 4);
	expect_damage("is damaged in slot ", last, last);
	finish_frames();
}
END_TEST

START_TEST(a_damaged_frame_header_hides_no_other)
{
	prepare_frames();
	spoil("0", frame_start(5));
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

/* Its length leads nowhere. */
START_TEST(a_damaged_length_hides_no_other)
{
	prepare_frames();
	spoil("0", frame_start(5) + G_STRUCT_OFFSET(VkFrameHeader, length_flags));
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

/* What looks like a frame in the content of a damaged one may seem to reach over the next. */
START_TEST(a_false_frame_hides_no_other)
{
	VkFrameHeader header = {.magic = GUINT32_TO_LE(VK_FRAME_MAGIC),
				.slot = GUINT32_TO_LE(5),
				.length_flags = GUINT32_TO_LE(VK_BLOCK_SIZE)};
	g_autofree char *path = NULL, *bytes = NULL;
	gsize size;

	prepare_frames();
	path = path_of("0");
	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	bytes[frame_start(5)] ^= 1;
	memcpy(bytes + frame_start(5) + 1600, &header, sizeof(header));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	expect_damage("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

START_TEST(several_lost_frames_are_one_error)
{
	prepare_frames();
	damage("0", frame_start(5), frame_start(7) + frame_length(7) - frame_start(5));
	expect_loss("is damaged in slots 5-7", 5, 7);
	finish_frames();
}
END_TEST

/* By a store that mixes up what it has. */
START_TEST(a_frame_does_not_stand_in_for_another)
{
	g_autofree char *path = NULL, *bytes = NULL;
	gsize size;

	prepare_frames();
	ck_assert_uint_eq(frame_length(5), frame_length(6));
	path = path_of("0");
	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	memcpy(bytes + frame_start(5), bytes + frame_start(6), frame_length(5));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	expect_loss("is damaged in slot 5", 5, 5);
	finish_frames();
}
END_TEST

/* The frame that is there twice is sound where the table has it, and counts once. */
START_TEST(a_frame_that_took_the_place_of_the_next_is_still_there)
{
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *path = NULL, *bytes = NULL;
	gsize size;

	prepare_frames();
	path = path_of("0");
	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	memcpy(bytes + frame_start(6), bytes + frame_start(5), frame_length(5));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	expect_loss("is damaged in slot 6", 6, 6);
	result = check();
	ck_assert_uint_eq(result->blocks, table->slots - 1);
	finish_frames();
}
END_TEST

/* A sealed table does not say where they belong. */
START_TEST(frames_that_changed_places_are_not_there)
{
	g_autofree char *path = NULL, *bytes = NULL, *kept = NULL;
	gsize size;

	prepare_frames();
	path = path_of("0");
	ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
	kept = g_memdup2(bytes + frame_start(5), frame_length(5));
	memcpy(bytes + frame_start(5), bytes + frame_start(6), frame_length(6));
	memcpy(bytes + frame_start(6), kept, frame_length(5));
	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	if (!test_is_encrypted())
		expect_loss("is damaged in slots 5-6", 5, 6);
	finish_frames();
}
END_TEST

/* Parity protects itself as well: of what is read only by it, one part may be lost. */
START_TEST(lost_parity_is_told)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	if (has_parity()) {
		spoil("0", object_size("0") - sizeof(VkParityEnd) - 100);
		result = check();
		ck_assert_uint_eq(result->errors->len, 0);
		ck_assert_uint_eq(result->mended->len, 1);
	}
	finish_frames();
}
END_TEST

START_TEST(a_damaged_header_loses_the_pack)
{
	prepare_frames();
	spoil("0", G_STRUCT_OFFSET(VkPackHeader, created));
	expect_damage("checksum of its header", 0, table->slots - 1);
	finish_frames();
}
END_TEST

START_TEST(a_damaged_table_loses_the_pack)
{
	prepare_frames();
	spoil("0", frames_end());
	expect_damage("checksum of its table", 0, table->slots - 1);
	finish_frames();
}
END_TEST

START_TEST(a_damaged_trailer_loses_the_pack)
{
	prepare_frames();
	spoil("0", object_size("0") - sizeof(VkPackTrailer));
	expect_damage("checksum of its trailer", 0, table->slots - 1);
	finish_frames();
}
END_TEST

START_TEST(a_cut_pack_is_damaged)
{
	g_autofree char *path = NULL;

	prepare_frames();
	path = path_of("0");
	ck_assert_int_eq(truncate(path, (off_t)object_size("0") - 8), 0);
	expect_damage("it is truncated or its end is lost", 0, table->slots - 1);
	finish_frames();
}
END_TEST

START_TEST(an_empty_pack_is_damaged)
{
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *path = NULL, *said = NULL;

	prepare_frames();
	path = path_of("0");
	ck_assert_int_eq(truncate(path, 0), 0);
	result = check();
	said = first_damage(result);
	ck_assert_uint_eq(result->errors->len, 1);
	ck_assert_msg(strstr(said, "its size cannot be") != NULL, "%s", said);
	finish_frames();
}
END_TEST

/* A sealed table does not say which slots a collector has dropped. */
START_TEST(a_lost_frame_of_a_compacted_pack_is_counted)
{
	g_autoptr(VkCheckResult) result = NULL;
	g_autofree char *said = NULL;
	gsize at;

	prepare_frames();
	make_generation(ONE, 2, 3);
	drop_generation("0");
	at = frame_start(7) - (frame_start(4) - frame_start(2));
	spoil(ONE, at);
	result = check();
	said = first_damage(result);
	if (has_parity()) {
		ck_assert_uint_eq(result->errors->len, 0);
	} else {
		const char *text = test_is_encrypted() ? "is damaged in 1 of its frames"
						       : "is damaged in slot 7";

		ck_assert_uint_eq(result->errors->len, 1);
		ck_assert_msg(strstr(said, text) != NULL, "%s", said);
	}
	finish_frames();
}
END_TEST

static gsize lost_at;
static VkErrorCode lost_code;
static const VkStoreOps *untouched;

/* What lies at LOST_AT in the first generation cannot be read. */
static gboolean lossy_get(VkStore *store, const char *name, guint64 offset, void *buf, gsize length,
			  GError **error)
{
	if (g_str_has_suffix(name, ".0") && offset <= lost_at && lost_at < offset + length)
		return vk_fail(error, (gint)lost_code, "cannot read '%s'", name);
	return untouched->get(store, name, offset, buf, length, error);
}

static VkCheckResult *check_lossy(gsize at, VkErrorCode code)
{
	g_autoptr(VkVault) opened = open_outside();
	VkStoreOps lossy = *opened->store->ops;
	VkCheckResult *result;

	untouched = opened->store->ops;
	lossy.get = lossy_get;
	lost_at = at;
	lost_code = code;
	opened->store->ops = &lossy;
	result = check_opened(opened);
	opened->store->ops = untouched;
	return result;
}

START_TEST(a_lost_sector_loses_its_slot_alone)
{
	g_autoptr(VkCheckResult) result = NULL;

	prepare_frames();
	result = check_lossy(frame_start(5) + 20000, VK_ERROR_DAMAGE);
	ck_assert_uint_eq(result->errors->len, has_parity() ? 0 : 1);
	ck_assert_uint_eq(result->mended->len, has_parity() ? 1 : 0);
	ck_assert(has_parity() || damage_says(result, 0, "is damaged in slot 5"));
	ck_assert_uint_eq(result->packs_read, 1);
	finish_frames();
}
END_TEST

/* Not that of a disk: it may pass. */
START_TEST(an_error_of_the_storage_is_no_damage)
{
	g_autoptr(VkCheckResult) result = NULL;
	const VkCheckError *error;

	prepare_frames();
	make_generation(ONE, 1, 1);
	result = check_lossy(frame_start(5), VK_ERROR_FAILED);
	ck_assert_uint_eq(result->errors->len, 1);
	error = result->errors->pdata[0];
	ck_assert(strstr(error->what, "cannot read '"));
	ck_assert_ptr_null(error->slots);
	ck_assert_uint_eq(result->packs_read, 0);
	finish_frames();
}
END_TEST

START_TEST(slots_are_named_in_ranges)
{
	VkSlots slots = {{0}};
	g_autofree char *few = NULL, *many = NULL;

	slots.bits[0] = 0x9d;
	few = vk_pack_scan_slots_text(&slots);
	ck_assert_str_eq(few, "slots 0, 2-4, 7");
	memset(slots.bits, 0x55, sizeof(slots.bits));
	many = vk_pack_scan_slots_text(&slots);
	ck_assert_str_eq(many, "slots 0, 2, 4, 6, 8, 10, 12, 14 and 2040 more");
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_damaged_payload_is_found_in_its_slot);
	tcase_add_test(tcase, the_last_byte_of_a_frame_counts);
	tcase_add_test(tcase, the_last_frame_counts);
	tcase_add_test(tcase, a_damaged_frame_header_hides_no_other);
	tcase_add_test(tcase, a_damaged_length_hides_no_other);
	tcase_add_test(tcase, a_false_frame_hides_no_other);
	tcase_add_test(tcase, several_lost_frames_are_one_error);
	tcase_add_test(tcase, a_frame_does_not_stand_in_for_another);
	tcase_add_test(tcase, a_frame_that_took_the_place_of_the_next_is_still_there);
	tcase_add_test(tcase, frames_that_changed_places_are_not_there);
	tcase_add_test(tcase, lost_parity_is_told);
	tcase_add_test(tcase, a_damaged_header_loses_the_pack);
	tcase_add_test(tcase, a_damaged_table_loses_the_pack);
	tcase_add_test(tcase, a_damaged_trailer_loses_the_pack);
	tcase_add_test(tcase, a_cut_pack_is_damaged);
	tcase_add_test(tcase, an_empty_pack_is_damaged);
	tcase_add_test(tcase, a_lost_frame_of_a_compacted_pack_is_counted);
	tcase_add_test(tcase, a_lost_sector_loses_its_slot_alone);
	tcase_add_test(tcase, an_error_of_the_storage_is_no_damage);
	tcase_add_test(tcase, slots_are_named_in_ranges);
}

int main(void)
{
	return run_image_tests("pack-scan", add_tests);
}
