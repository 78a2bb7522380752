/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of an image into a sink. Threads: one at a time for each sink.
 */
#pragma once

#include "image.h"
#include "missing.h"
#include "progress.h"
#include "sink.h"

#include <glib.h>

/*
 * Copies IMAGE and finishes SINK. Reads only what the image has, by several threads with a buffer
 * of 4 MiB each. With MISSING (nullable) damage is no error: zeros take the place of each damaged
 * block, and its range is added to MISSING, which is settled in the end, also after a failure.
 * Stops on vk_interrupted().
 */
gboolean vk_sink_copy_image(VkImage *image, VkSink *sink, VkMissing *missing, VkProgress *progress,
			    GError **error);

/* The same for a text. */
gboolean vk_sink_copy_text(const char *text, VkSink *sink, GError **error);
