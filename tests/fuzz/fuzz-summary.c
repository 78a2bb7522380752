/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cache keeps of a snapshot: any bytes are refused, or have all that a list shows. */
#include "fuzz.h"
#include "snapshot-summary.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) packed = g_bytes_new(data, size);
	g_autoptr(VkSnapshotSummary) summary = vk_snapshot_summary_unpack(packed);

	if (!summary)
		return 0;
	g_assert(strlen(summary->name) + strlen(summary->host) <= size);
	g_assert(strlen(summary->consistency) + strlen(summary->grade) <= size);
	g_assert(strlen(summary->copies) <= size);
	g_assert(!summary->label || strlen(summary->label) <= size);
	return 0;
}
