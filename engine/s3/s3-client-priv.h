/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of VkS3, for s3-*.c. */
#pragma once

#include "s3-client.h"

#include "errors.h"
#include "http.h"

struct VkS3 {
	VkS3Address *address;
	VkS3Key *(*find_key)(const char *file, const char *profile, GError **error);
	char *key_file, *key_profile; /* nullable */
	char *region;
	char *host; /* as the Host header says it */
	char *name; /* as errors call it: "bucket 'b' at 'h'" */
	gboolean has_bucket_host;
	VkWarn warn;
	VkHttp *http;
	GMutex mutex; /* guards what follows */
	/* VkS3Key: the last one is in use. By those before, requests may still be signed. */
	GPtrArray *keys;
	gint64 ahead;             /* seconds that the server's clock is ahead of ours */
	gboolean lacks_condition; /* the server does not heed If-None-Match */
	gboolean has_md5;         /* what looks like an MD5 as an ETag is one */
	gint64 slowed;            /* when it asked for fewer requests last; 0: never */
};

/* A request. Strings are borrowed. */
typedef struct VkS3Call {
	VkS3 *s3;
	const char *method;
	const char *what;  /* for errors: "read", "write" */
	const char *name;  /* of the object; for a listing, what it begins with */
	const char *query; /* sorted and escaped; NULL: it is about the object NAME */
	const void *body;
	gsize body_length;
	const char *range;  /* the header's value; nullable */
	guint64 offset;     /* of the part that RANGE asks for */
	gsize part_length;  /* of it, if the object is long enough; 0: RANGE says another part */
	gboolean is_suffix; /* it is the last part; OFFSET is not set */
	guint short_parts;  /* answers that were cut short so far */
	const char *writer; /* a mark on the object that is put; nullable */
	gboolean is_new;    /* the object must not be there yet */
	char *body_sha256;  /* set by vk_s3_call() */
	char *path;         /* set by vk_s3_call() */
	gint64 ahead;       /* of the server's clock, by which it was signed */
	gboolean is_clock_corrected;
	const VkS3Key *key; /* by which it was signed */
	gboolean is_key_renewed;
	VkHttpOutcome outcome; /* set by vk_s3_call() */
} VkS3Call;

/* Sends it until it is decided. *RET is to be cleared in any case. */
gboolean vk_s3_call(VkS3Call *call, VkHttpReply *ret, GError **error);

/*
 * Takes the server's time from a reply that refuses the signature. TRUE: CALL was signed by another
 * time, and may be tried again. Once for each call.
 */
gboolean vk_s3_correct_clock(VkS3Call *call, const VkHttpReply *reply);

/*
 * Looks for the key again. TRUE: it is another one than CALL was signed by, which may be tried
 * again. Once for each call.
 */
gboolean vk_s3_renew_key(VkS3Call *call);

/*
 * The MD5 of an object's bytes by its ETag, 32 hex digits; NULL: REPLY does not say it. New string.
 */
char *vk_s3_reply_md5(const VkHttpReply *reply);

/* How large the whole object is, by a reply with a part of it. */
gboolean vk_s3_total_size(const VkHttpReply *reply, guint64 *ret);

/* How long the part has to be that CALL asks for, of an object of TOTAL bytes. */
guint64 vk_s3_part_length(const VkS3Call *call, guint64 total);

gboolean vk_s3_lacks_condition(VkS3 *s3);
gboolean vk_s3_has_md5(VkS3 *s3);

/* Says what a reply means. For VkHttp. */
VkHttpOutcome vk_s3_judge(const VkHttpReply *reply, gpointer call, GError **error);

/* Sets the error of CALL: "bucket ...: cannot read 'NAME': TEXT". Returns FALSE. */
gboolean vk_s3_fail(const VkS3Call *call, VkErrorCode code, const char *text, GError **error);
