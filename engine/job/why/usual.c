/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "usual.h"

#include "table.h"

#include <stdlib.h>

/* What is this many times the median stands out, if it is not small anyway. */
#define FACTOR         3.0
#define BYTES_MIN      (64u << 20)
#define DURATION_MIN   (60 * (guint64)G_USEC_PER_SEC)
#define PAUSE_MIN_USEC ((guint64)500 * 1000)

/* Fewer snapshots say little of what is usual. */
#define SNAPSHOTS_MIN 3u
/* Encrypted data does not compress: what is stored of it is at least this part of it. */
#define INCOMPRESSIBLE 0.95
/* Of a guest whose data does not compress anyway nothing can be said. */
#define COMPRESSIBLE 0.80

VkAmounts vk_amounts_of(const VkSnapshot *snapshot)
{
	VkAmounts amounts = {.duration_usec = snapshot->duration_usec,
			     .pause_usec = snapshot->pause_usec};

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		amounts.read += disk->read;
		amounts.fresh += disk->fresh;
		amounts.stored += disk->stored;
	}
	return amounts;
}

static int compare_numbers(const void *left, const void *right)
{
	const guint64 *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* The median of the member at OFFSET of AMOUNTS. */
static guint64 median_of(const GArray *amounts, gsize offset)
{
	g_autofree guint64 *values = g_new(guint64, amounts->len);

	for (guint i = 0; i < amounts->len; i++)
		values[i] = *(const guint64 *)(gconstpointer)((const char *)&g_array_index(
								      amounts, VkAmounts, i) +
							      offset);
	qsort(values, amounts->len, sizeof(*values), compare_numbers);
	return values[amounts->len / 2];
}

VkUsual vk_usual_of(const GPtrArray *snapshots)
{
	g_autoptr(GArray) amounts = g_array_new(FALSE, FALSE, sizeof(VkAmounts));
	VkUsual usual = {.snapshots = snapshots->len};

	for (guint i = 0; i < snapshots->len; i++) {
		VkAmounts one = vk_amounts_of(g_ptr_array_index(snapshots, i));

		g_array_append_val(amounts, one);
	}
	if (amounts->len == 0)
		return usual;
	usual.median = (VkAmounts){
		.read = median_of(amounts, G_STRUCT_OFFSET(VkAmounts, read)),
		.fresh = median_of(amounts, G_STRUCT_OFFSET(VkAmounts, fresh)),
		.stored = median_of(amounts, G_STRUCT_OFFSET(VkAmounts, stored)),
		.duration_usec = median_of(amounts, G_STRUCT_OFFSET(VkAmounts, duration_usec)),
		.pause_usec = median_of(amounts, G_STRUCT_OFFSET(VkAmounts, pause_usec)),
	};
	return usual;
}

static gboolean stands_out(guint64 value, guint64 usual, guint64 min)
{
	return value >= min && (double)value >= FACTOR * (double)usual;
}

/* What part of the new data had to be stored; 1 for none. */
static double share_of(const VkAmounts *amounts)
{
	return amounts->fresh > 0 ? (double)amounts->stored / (double)amounts->fresh : 1;
}

gboolean vk_amounts_are_suspicious(const VkAmounts *amounts, const VkUsual *usual)
{
	return usual->snapshots >= SNAPSHOTS_MIN &&
	       stands_out(amounts->fresh, usual->median.fresh, BYTES_MIN) &&
	       share_of(amounts) >= INCOMPRESSIBLE && usual->median.fresh > 0 &&
	       share_of(&usual->median) <= COMPRESSIBLE;
}

/* "4.2 times"; "far more than" what was nothing. New string. */
static char *times_text(guint64 value, guint64 usual)
{
	return usual > 0 ? g_strdup_printf("%.1f times", (double)value / (double)usual)
			 : g_strdup("far more than");
}

static char *find_new(const VkAmounts *amounts, const VkUsual *usual)
{
	g_autofree char *fresh = vk_size_text(amounts->fresh);
	g_autofree char *common = vk_size_text(usual->median.fresh);
	g_autofree char *times = times_text(amounts->fresh, usual->median.fresh);

	return g_strdup_printf("large: %s of new data, %s the usual %s", fresh, times, common);
}

static char *find_slow(const VkAmounts *amounts, const VkUsual *usual)
{
	g_autofree char *took = vk_duration_text(amounts->duration_usec);
	g_autofree char *common = vk_duration_text(usual->median.duration_usec);
	g_autofree char *read = vk_size_text(amounts->read);
	g_autofree char *read_usual = vk_size_text(usual->median.read);

	if (stands_out(amounts->read, usual->median.read, BYTES_MIN))
		return g_strdup_printf("slow: it took %s, usually %s, because it read %s, usually "
				       "%s",
				       took, common, read, read_usual);
	return g_strdup_printf("slow: it took %s, usually %s, though it read %s, as usual (%s): "
			       "the storage or the network was slow, or the host was busy",
			       took, common, read, read_usual);
}

static char *find_pause(const VkAmounts *amounts, const VkUsual *usual)
{
	g_autofree char *pause = vk_pause_text(amounts->pause_usec);
	g_autofree char *common = vk_pause_text(usual->median.pause_usec);

	return g_strdup_printf("long pause: the guest was held for %s, usually %s", pause, common);
}

static char *find_suspicious(const VkAmounts *amounts, const VkUsual *usual)
{
	return g_strdup_printf(
		"possible ransomware: much new data, of which %.0f %% could not be compressed "
		"away, usually %.0f %%; encrypted files look like this. Look into the guest, and "
		"pin the snapshot before",
		100 * share_of(amounts), 100 * share_of(&usual->median));
}

void vk_usual_compare(const VkAmounts *amounts, const VkUsual *usual, GPtrArray *findings)
{
	if (vk_amounts_are_suspicious(amounts, usual))
		g_ptr_array_add(findings, find_suspicious(amounts, usual));
	if (usual->snapshots == 0)
		return;
	if (stands_out(amounts->fresh, usual->median.fresh, BYTES_MIN))
		g_ptr_array_add(findings, find_new(amounts, usual));
	if (stands_out(amounts->duration_usec, usual->median.duration_usec, DURATION_MIN))
		g_ptr_array_add(findings, find_slow(amounts, usual));
	if (stands_out(amounts->pause_usec, usual->median.pause_usec, PAUSE_MIN_USEC))
		g_ptr_array_add(findings, find_pause(amounts, usual));
}
