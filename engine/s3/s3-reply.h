/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What S3 answers in XML. It comes from the network: document types are refused, and sizes are
 * bounded. Threads: free.
 */
#pragma once

#include <glib.h>

/* An error of the server's. Strings are of plain words, or NULL where it says nothing. */
typedef struct VkS3Error {
	char *code;
	char *region; /* where the bucket is instead */
} VkS3Error;

/* What TEXT says; nothing when it is no error in XML. */
void vk_s3_error_parse(const char *text, gsize length, VkS3Error *ret);
void vk_s3_error_clear(VkS3Error *error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VkS3Error, vk_s3_error_clear)

/* Called for each entry of a listing: an object, or with '/' at its end and no tag a folder. */
typedef void (*VkS3Listed)(const char *name, const char *tag, gpointer data);

/*
 * Calls LISTED for one page of a listing. *RET_NEXT is what the next page is asked for by; NULL at
 * the last one. New string. VK_ERROR_FAILED when TEXT is not a whole page.
 */
gboolean vk_s3_page_parse(const char *text, gsize length, VkS3Listed listed, gpointer data,
			  char **ret_next, GError **error);
