/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What parses must be written and read back as the same. */
#include "fuzz.h"
#include "json.h"
#include "snapshot.h"

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
	return 0;
}
