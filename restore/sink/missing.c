/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "missing.h"

#include "io.h"

#include <fcntl.h>

/* Two numbers of 64 bits, and what is between and behind them. */
#define LINE_LENGTH 42

VkMissing *vk_missing_new(void)
{
	VkMissing *missing = g_new0(VkMissing, 1);

	missing->ranges = g_array_new(FALSE, FALSE, sizeof(VkMissingRange));
	return missing;
}

void vk_missing_free(VkMissing *missing)
{
	if (!missing)
		return;
	g_array_unref(missing->ranges);
	g_free(missing);
}

static VkMissingRange *range_at(const VkMissing *missing, guint i)
{
	return &g_array_index(missing->ranges, VkMissingRange, i);
}

void vk_missing_add(VkMissing *missing, guint64 offset, guint64 length)
{
	VkMissingRange range = {.offset = offset, .length = length};
	VkMissingRange *last =
		missing->ranges->len ? range_at(missing, missing->ranges->len - 1) : NULL;

	missing->bytes += length;
	/* A damaged map makes long ranges of many parts. */
	if (last && last->offset + last->length == offset)
		last->length += length;
	else
		g_array_append_val(missing->ranges, range);
}

static gint compare_ranges(gconstpointer a, gconstpointer b)
{
	guint64 left = ((const VkMissingRange *)a)->offset;
	guint64 right = ((const VkMissingRange *)b)->offset;

	return left < right ? -1 : left > right;
}

void vk_missing_settle(VkMissing *missing)
{
	guint count = 0;

	g_array_sort(missing->ranges, compare_ranges);
	for (guint i = 0; i < missing->ranges->len; i++) {
		VkMissingRange *last = count ? range_at(missing, count - 1) : NULL;
		const VkMissingRange *range = range_at(missing, i);

		if (last && last->offset + last->length == range->offset)
			last->length += range->length;
		else
			*range_at(missing, count++) = *range;
	}
	g_array_set_size(missing->ranges, count);
}

char *vk_missing_text(const VkMissing *missing)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < missing->ranges->len; i++) {
		const VkMissingRange *range = range_at(missing, i);

		g_string_append_printf(text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
				       range->offset, range->length);
	}
	return g_string_free(text, FALSE);
}

gboolean vk_missing_is_list(const char *path)
{
	VK_AUTOFD fd = vk_io_open_regular(AT_FDCWD, path, path, NULL);
	char line[LINE_LENGTH + 1] = {0};
	gsize length;

	return fd >= 0 && vk_io_read(fd, path, 0, line, LINE_LENGTH, &length, NULL) &&
	       g_regex_match_simple("^[0-9]+ [0-9]+\n", line, 0, 0);
}
