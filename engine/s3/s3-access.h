/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How this process gets at the buckets that it opens next: what the settings say, and where they
 * say nothing, the environment. Threads: one at a time.
 */
#pragma once

#include "s3-client.h"

#include <glib.h>

#define VK_S3_UPLOADS 4u

/* NULL is for what the settings do not say. */
typedef struct VkS3Access {
	const char *key_file, *profile; /* s3-key.h */
	const char *region;             /* or AWS_REGION, AWS_DEFAULT_REGION */
	const char *ca_file;            /* or AWS_CA_BUNDLE */
	gboolean has_bucket_host;
	guint uploads; /* at a time; 0: VK_S3_UPLOADS */
} VkS3Access;

/* Copies ACCESS. */
void vk_s3_access_set(const VkS3Access *access);

/* The bucket at URL, as vk_s3_address_parse() takes it. Nothing is contacted yet. */
VkS3 *vk_s3_open(const char *url, GError **error);

/* How many uploads may be under way at a time. */
guint vk_s3_uploads(void);
