/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of the store on S3: store-s3.c reads, store-s3-upload.c writes. A name is there as
 * soon as its PUT is answered, and durable then.
 */
#pragma once

#include "store.h"

#include "s3-client.h"
#include "s3-probe.h"

typedef struct S3Store {
	VkStore base;
	VkS3 *s3;
	VkS3Traits *traits; /* of the server; NULL: not known */
	guint uploads_max;
	GMutex mutex;        /* guards what follows */
	GThreadPool *pool;   /* NULL before the first pack */
	GCond changed;       /* an upload has ended */
	GHashTable *pending; /* name -> Upload: under way or about to be */
	guint64 queued;      /* uploads so far: the number of the latest one */
	GError *trouble;     /* the first upload that failed: the store is condemned */
} S3Store;

/* The calls of the table that write; for their contracts see VkStoreOps. */
VkNewObject *vk_store_s3_begin(VkStore *store, const char *name, GError **error);
gboolean vk_store_s3_append(VkNewObject *object, const void *bytes, gsize length, GError **error);
gboolean vk_store_s3_finish(VkNewObject *object, const char *name, VkPutMode mode, GError **error);
void vk_store_s3_drop(VkNewObject *object);
gboolean vk_store_s3_sync(VkStore *store, GError **error);

/* Prepares STORE for uploads, and waits for all of them. */
void vk_store_s3_start_uploads(S3Store *store);
void vk_store_s3_end_uploads(S3Store *store);

/* The bytes of NAME if it is being uploaded: nobody else has it yet. New reference, or NULL. */
GBytes *vk_store_s3_pending(S3Store *store, const char *name);

/* Waits until NAME is not being uploaded. */
void vk_store_s3_wait_for(S3Store *store, const char *name);
