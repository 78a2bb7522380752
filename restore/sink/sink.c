/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sink-priv.h"

#include <string.h>
#include <unistd.h>

VkSink *vk_sink_new(const VkPlace *place, GError **error)
{
	switch (place->kind) {
	case VK_PLACE_BLOCK:
		return vk_sink_block_new(place, error);
	case VK_PLACE_STDOUT:
		return vk_sink_stream_new(STDOUT_FILENO, "standard output");
	case VK_PLACE_FILE:
		break;
	}
	if (place->backing_count > 0)
		return vk_sink_overlay_new(place, error);
	return place->secret || strcmp(place->format, "qcow2") == 0
		       ? vk_sink_qcow2_new(place, error)
		       : vk_sink_raw_new(place, error);
}
