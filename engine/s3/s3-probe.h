/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server does that others do not. Threads: free. */
#pragma once

#include "s3-client.h"

#include <glib.h>

typedef struct VkS3Traits {
	gboolean keeps_first; /* an object is not replaced by a put that must not */
	gboolean has_suffix;  /* it gives the last bytes of an object by their number */
} VkS3Traits;

/*
 * Tries it out on objects in FOLDER ("x/"), which are removed. VK_ERROR_FAILED when a listing does
 * not show what was put, or still shows what was deleted: no vault can be kept there.
 */
gboolean vk_s3_probe(VkS3 *s3, const char *folder, VkS3Traits *ret, GError **error);
