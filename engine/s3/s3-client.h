/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkS3: a bucket on a server that speaks S3. Names are of [A-Za-z0-9._-] and '/', below the prefix
 * of its address. Whatever fails for the moment is tried again for some minutes. VK_ERROR_NOT_FOUND
 * is for objects alone: a bucket that is not there is VK_ERROR_FAILED. VK_ERROR_DENIED when the key
 * may not, VK_ERROR_FULL when there is no room. Threads: free, but for new and free.
 */
#pragma once

#include "s3-address.h"
#include "s3-key.h"
#include "s3-reply.h"

#include "log.h"

#include <glib.h>

typedef struct VkS3 VkS3;

typedef struct VkS3Options {
	const char *region;
	const char *ca_file;      /* NULL: the system's certificates are trusted */
	gboolean has_bucket_host; /* the bucket is part of the host's name, not of the path */
	/* A newer key for one that has expired, as vk_s3_key_find(); nullable. Called by any thread
	   with the two that follow. */
	VkS3Key *(*find_key)(const char *file, const char *profile, GError **error);
	const char *key_file, *key_profile; /* nullable */
	VkWarn warn;
} VkS3Options;

/* Takes ADDRESS and KEY. Copies OPTIONS. Nothing is contacted yet. */
VkS3 *vk_s3_new(VkS3Address *address, VkS3Key *key, const VkS3Options *options);
void vk_s3_free(VkS3 *s3);

/*
 * Puts an object. Unless MAY_REPLACE, VK_ERROR_EXISTS when there is certainly one of another put,
 * as far as the server looks: some do not. After another error it may be there all the same. It is
 * durable when it is put.
 */
gboolean vk_s3_put(VkS3 *s3, const char *name, const void *bytes, gsize length,
		   gboolean may_replace, GError **error);

/* Exactly LENGTH bytes, more than none, at OFFSET; VK_ERROR_DAMAGE when it is shorter. */
gboolean vk_s3_get(VkS3 *s3, const char *name, guint64 offset, void *buf, gsize length,
		   GError **error);

/* All of it, in one request. VK_ERROR_DAMAGE when it has more than LIMIT bytes. */
GBytes *vk_s3_get_all(VkS3 *s3, const char *name, gsize limit, GError **error);

/*
 * Its last LENGTH bytes, more than none, or all of it, in one request; *RET_SIZE is how many it
 * has. VK_ERROR_FAILED: the server does not give them. VK_ERROR_DAMAGE: it has none.
 */
GBytes *vk_s3_get_tail(VkS3 *s3, const char *name, gsize length, guint64 *ret_size, GError **error);

/* What an object is without its bytes. */
typedef struct VkS3Facts {
	guint64 size;
	gint64 stored; /* seconds since 1970, by the server's clock; 0: it does not say */
	char *tag;     /* another one for other bytes; may be empty */
	char *md5;     /* of its bytes, 32 hex digits; NULL: the server does not say it */
	char *writer;  /* what vk_s3_put() marked it with; nullable */
} VkS3Facts;

gboolean vk_s3_head(VkS3 *s3, const char *name, VkS3Facts *ret, GError **error);
void vk_s3_facts_clear(VkS3Facts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkS3Facts, vk_s3_facts_clear)

/* Succeeds if there is none. */
gboolean vk_s3_delete(VkS3 *s3, const char *name, GError **error);

/*
 * Calls LISTED for each object whose name begins with START, which is empty or ends with '/', with
 * the rest of the name. Unless IS_DEEP, what is in folders below is not listed, but the folders
 * are, with '/' at the end. It fails as a whole; LISTED may have been called then.
 */
gboolean vk_s3_list(VkS3 *s3, const char *start, gboolean is_deep, VkS3Listed listed, gpointer data,
		    GError **error);

/* Whether the server has asked for fewer requests within the last minute. */
gboolean vk_s3_is_slowed(VkS3 *s3);
