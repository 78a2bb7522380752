/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes from the vault into a sink.
 */
#pragma once

#include "image.h"
#include "progress.h"
#include "sink.h"

#include <glib.h>

/*
 * Copies IMAGE and finishes SINK. Only what the image has is read, by one thread for each core,
 * with a buffer of 1 MiB each. Stops on vk_interrupted().
 */
gboolean vk_copy_image(VkImage *image, VkSink *sink, VkProgress *progress, GError **error);

/* The same for a text. */
gboolean vk_copy_text(const char *text, VkSink *sink, GError **error);
