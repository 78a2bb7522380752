/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sinks behind vk_sink_new(), one for each kind of place. Threads: as of sink.h.
 */
#pragma once

#include "new-file.h"
#include "sink.h"

#include <glib.h>

VkSink *vk_sink_raw_new(const VkPlace *place, GError **error);
VkSink *vk_sink_qcow2_new(const VkPlace *place, GError **error);
VkSink *vk_sink_overlay_new(const VkPlace *place, GError **error);
VkSink *vk_sink_block_new(const VkPlace *place, GError **error);
VkSink *vk_sink_stream_new(int fd, const char *name); /* FD is borrowed, NAME is for messages */

/* The temporary file of a sink of files, with the owner and the mode of PLACE. */
VkNewFile *vk_sink_new_file(const VkPlace *place, GError **error);
