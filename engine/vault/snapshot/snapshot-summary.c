/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "snapshot-summary.h"

#include "json.h"

#include <stdlib.h>

/* The strings, the numbers and the flag, in the order of the struct. Strings need not be UTF-8. */
#define PACKED "(ayayayayayayttttttb)"

static char *copies_text(const VkSnapshot *snapshot)
{
	if (snapshot->disks->len == 0)
		return g_strdup("vault");
	return vk_image_copies_text(
		((const VkDiskRecord *)g_ptr_array_index(snapshot->disks, 0))->image);
}

VkSnapshotSummary *vk_snapshot_summary_new(const VkSnapshot *snapshot)
{
	g_autoptr(json_t) report = vk_snapshot_to_report(snapshot);
	char *line = json_dumps(report, JSON_COMPACT);
	g_autofree char *grade = vk_snapshot_grade(snapshot);
	g_autofree char *copies = copies_text(snapshot);
	g_autoptr(GVariant) packed = NULL;
	guint64 size = 0, fresh = 0, stored = 0;

	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		size += disk->image->size;
		fresh += disk->fresh;
		stored += disk->stored;
	}
	packed = g_variant_ref_sink(
		g_variant_new("(^ay^ay^ay^ay^ay^ayttttttb)", snapshot->name, snapshot->host,
			      snapshot->consistency, grade, copies, line, snapshot->pause_usec,
			      snapshot->duration_usec, (guint64)snapshot->disks->len, size, fresh,
			      stored, vk_snapshot_is_on_array(snapshot)));
	free(line);
	return vk_snapshot_summary_unpack(packed);
}

VkSnapshotSummary *vk_snapshot_summary_unpack(GVariant *packed)
{
	VkSnapshotSummary *summary;

	if (!g_variant_is_of_type(packed, G_VARIANT_TYPE(PACKED)))
		return NULL;
	summary = g_new0(VkSnapshotSummary, 1);
	summary->packed = g_variant_ref(packed);
	g_variant_get(packed, "(^&ay^&ay^&ay^&ay^&ay^&ayttttttb)", &summary->name, &summary->host,
		      &summary->consistency, &summary->grade, &summary->copies, &summary->report,
		      &summary->pause_usec, &summary->duration_usec, &summary->disks,
		      &summary->size, &summary->fresh, &summary->stored, &summary->may_get_copies);
	return summary;
}

void vk_snapshot_summary_free(VkSnapshotSummary *summary)
{
	if (!summary)
		return;
	g_variant_unref(summary->packed);
	g_free(summary);
}
