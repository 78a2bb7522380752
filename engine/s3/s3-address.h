/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where objects lie on a server that speaks S3: "https://ENDPOINT/BUCKET[/PREFIX]". Immutable.
 * Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkS3Address {
	char *scheme; /* "https" or "http" */
	char *host;   /* with its port, unless that is the scheme's own, as a Host header says it */
	char *bucket;
	char *prefix; /* of all names: empty, or with '/' at the end */
} VkS3Address;

/*
 * VK_ERROR_USAGE for what is no such URL, and for one with a user or a password: keys do not belong
 * on command lines. The error does not repeat them.
 */
VkS3Address *vk_s3_address_parse(const char *url, GError **error);
void vk_s3_address_free(VkS3Address *address);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkS3Address, vk_s3_address_free)

/* As vk_s3_address_parse() takes it, without what may be left out. New string. */
char *vk_s3_address_format(const VkS3Address *address);
