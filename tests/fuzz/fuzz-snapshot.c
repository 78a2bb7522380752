/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What parses must be written and read back as the same. The same text as the list of a snapshot's
 * later copies leaves it one that can be written. How a disk was made gives options that QEMU
 * takes for nothing else.
 */
#include "fuzz.h"
#include "json.h"
#include "qcow2-layout.h"
#include "snapshot.h"
#include "snapshot-summary.h"

#include <string.h>

static void check_layout(const json_t *layout)
{
	g_autofree char *options = vk_qcow2_layout_options(layout);

	g_assert(!options || !strpbrk(options, " /:;'\""));
}

static void check_disks(const VkSnapshot *snapshot)
{
	for (guint i = 0; i < snapshot->disks->len; i++) {
		const VkDiskRecord *disk = g_ptr_array_index(snapshot->disks, i);

		if (disk->layout)
			check_layout(disk->layout);
	}
}

static void check_summary(const VkSnapshot *snapshot)
{
	g_autoptr(VkSnapshotSummary) summary = vk_snapshot_summary_new(snapshot);
	g_autoptr(VkSnapshotSummary) again = vk_snapshot_summary_unpack(summary->packed);

	g_assert(again && strcmp(again->name, summary->name) == 0);
	g_assert_cmpstr(again->label, ==, summary->label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(json_t) object = vk_json_parse((const char *)data, size, "input", NULL);
	g_autoptr(VkSnapshot) snapshot = object ? vk_snapshot_from_json(object, NULL) : NULL;

	if (!snapshot)
		return 0;
	g_autoptr(json_t) written = vk_snapshot_to_json(snapshot);
	g_autoptr(VkSnapshot) again = vk_snapshot_from_json(written, NULL);
	g_assert(again);
	g_autoptr(json_t) rewritten = vk_snapshot_to_json(again);
	g_assert(json_equal(written, rewritten));
	json_decref(vk_snapshot_to_report(again));
	check_disks(again);
	check_summary(again);
	if (vk_snapshot_add_copies(again, object, NULL))
		json_decref(vk_snapshot_copies_to_json(again));
	return 0;
}
