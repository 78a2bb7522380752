/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's description of a checkpoint, as a snapshot keeps it. */
#include "checkpoint-xml.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *xml = g_strndup((const char *)data, size);
	g_autoptr(VkCheckpointInfo) info = vk_checkpoint_parse(xml, NULL);
	guint64 bytes;

	vk_checkpoint_parse_size(xml, "vda", &bytes, NULL);
	if (!info)
		return 0;
	g_assert(info->name);
	for (guint i = 0; i < info->targets->len; i++)
		g_assert(vk_checkpoint_info_has(info, g_ptr_array_index(info->targets, i)));
	return 0;
}
