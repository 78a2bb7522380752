/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd-verify.h"

#include "json.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

/* So many lines are printed of images, and of all else. */
#define LINES_MAX 100u

/* The errors that are about images or not. */
static guint print_some(const VkCheckResult *result, gboolean of_images)
{
	guint count = 0;

	for (guint i = 0; i < result->errors->len; i++) {
		const VkCheckError *problem = g_ptr_array_index(result->errors, i);
		g_autofree char *text = NULL;

		if ((problem->snapshot != NULL) != of_images || count++ >= LINES_MAX)
			continue;
		text = vk_check_error_text(problem);
		vk_print_line(stdout, "%s", text);
	}
	return count > LINES_MAX ? count - LINES_MAX : 0;
}

static void print_errors(const VkCheckResult *result)
{
	guint64 left = result->unlisted + print_some(result, TRUE) + print_some(result, FALSE);
	g_autofree char *more = vk_count_text(left, "more error");

	if (left > 0)
		vk_print_line(stdout, "%s not listed", more);
}

/* "12 snapshots, 3 packs, 3 read back, 40 blocks (1 MiB)". New string. */
static char *summarize(const VkVerifyReport *report)
{
	const VkCheckResult *result = report->result;
	gboolean is_frames = report->level == VK_VERIFY_FRAMES;
	g_autofree char *bytes = vk_size_text(result->bytes);
	g_autofree char *snapshots = vk_count_text(result->snapshots, "snapshot");
	g_autofree char *packs = vk_count_text(result->packs, "pack");
	g_autofree char *blocks = vk_count_text(result->blocks, is_frames ? "frame" : "block");

	if (report->level == VK_VERIFY_SNAPSHOTS)
		return g_strdup_printf("%s, %s", snapshots, packs);
	return g_strdup_printf("%s%s%s, %" G_GUINT64_FORMAT " read%s, %s (%s)",
			       is_frames ? "" : snapshots, is_frames ? "" : ", ", packs,
			       result->packs_read, is_frames ? "" : " back", blocks, bytes);
}

void vk_verify_print(const VkVerifyReport *report, gboolean quiet)
{
	g_autofree char *summary = summarize(report);

	print_errors(report->result);
	if (!quiet)
		vk_print_line(stdout, "%s: %s", summary,
			      report->result->errors->len == 0 ? "sound" : "damaged");
}

/* Numbers; null if there are none. */
static json_t *slots_to_json(const VkSlots *slots)
{
	json_t *numbers = slots ? json_array() : json_null();

	for (guint32 slot = 0; slot < VK_SLOTS_MAX; slot++)
		if (vk_slots_have(slots, slot))
			json_array_append_new(numbers, json_integer(slot));
	return numbers;
}

static json_t *error_to_json(const VkCheckError *problem)
{
	gboolean has_range = problem->length > 0;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "snapshot",
			 vk_json_new_string(problem->snapshot), "image",
			 vk_json_new_string(problem->image), "object",
			 vk_json_new_string(problem->object), "slots",
			 slots_to_json(problem->slots), "offset",
			 has_range ? vk_json_new_uint(problem->offset) : json_null(), "length",
			 has_range ? vk_json_new_uint(problem->length) : json_null(), "what",
			 vk_json_new_string(problem->what));
}

json_t *vk_verify_to_json(const VkVerifyReport *report)
{
	const VkCheckResult *result = report->result;
	json_t *errors = json_array();
	json_t *mended = json_array();
	json_t *snapshots = report->level == VK_VERIFY_FRAMES
				    ? json_null()
				    : json_integer((json_int_t)result->snapshots);

	for (guint i = 0; i < result->errors->len; i++)
		json_array_append_new(errors, error_to_json(g_ptr_array_index(result->errors, i)));
	for (guint i = 0; i < result->mended->len; i++)
		json_array_append_new(mended, vk_json_new_string(result->mended->pdata[i]));
	return json_pack("{s:O, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}", "guests",
			 report->guests, "snapshots", snapshots, "packs", (json_int_t)result->packs,
			 "packs_read", (json_int_t)result->packs_read, "blocks",
			 (json_int_t)result->blocks, "bytes", (json_int_t)result->bytes,
			 "duration_ms", (json_int_t)((report->usec + 999) / 1000), "damages",
			 errors, "unlisted", (json_int_t)result->unlisted, "mended", mended);
}
