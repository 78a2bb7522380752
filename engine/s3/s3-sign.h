/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signatures of requests to S3: AWS's version 4, with the hash of the body signed. So the server
 * refuses what was altered on the way, even without TLS. Threads: free.
 */
#pragma once

#include "s3-key.h"

#include <glib.h>

/* What is signed. All is borrowed. */
typedef struct VkS3Signed {
	const char *method;
	const char *host;        /* as the Host header says it */
	const char *path;        /* as it is sent; needs no escapes */
	const char *query;       /* as it is sent: sorted, escaped, without '?'; may be empty */
	const char *body_sha256; /* 64 hex digits */
	/* Further headers "x-amz-NAME:value", sorted, in lower case; NULL at the end; nullable. */
	const char *const *headers;
	const char *region;
	gint64 time; /* seconds since 1970, by the server's clock */
} VkS3Signed;

/*
 * The headers of the request, with HEADERS, the time and the signature. g_strfreev(). A session
 * token is among them and sorts after all of HEADERS.
 */
char **vk_s3_sign(const VkS3Key *key, const VkS3Signed *request);

/* The SHA-256 of LENGTH bytes in 64 hex digits. New string. */
char *vk_s3_sha256(const void *bytes, gsize length);
