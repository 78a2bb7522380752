/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server does that others do not. Threads: free. */
#pragma once

#include "s3-client.h"

#include <glib.h>

typedef struct VkS3Traits {
	gboolean has_condition; /* it refuses by itself to put what is there already */
	gboolean has_md5;       /* an ETag that looks like an MD5 is one */
	gboolean has_suffix;    /* it gives the last bytes of an object by their number */
} VkS3Traits;

/*
 * Tries it out on objects in FOLDER ("x/"), which are removed, and sets it. VK_ERROR_FAILED when a
 * listing does not show what was put, or still shows what was deleted: no vault can be kept there.
 */
gboolean vk_s3_probe(VkS3 *s3, const char *folder, VkS3Traits *ret, GError **error);

/*
 * What the server does, so far as S3 needs to know. Until it is set, has_md5 is taken to be FALSE
 * and the rest to be TRUE.
 */
void vk_s3_set_traits(VkS3 *s3, const VkS3Traits *traits);
