/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkS3Key: the access key that requests are signed with. It comes from the first that is there of:
 * AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN in the environment; a
 * file that the settings name; the credential "virtkeep-s3" that systemd passes; the shared file
 * AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials. The files are of the same form, and one that
 * others may read is refused. No error repeats a secret. Immutable. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkS3Key {
	char *id;
	char *secret;
	char *token; /* of a key for a short time; nullable */
} VkS3Key;

/* FILE is what the settings name. PROFILE is the section of the files. Both are nullable. */
VkS3Key *vk_s3_key_find(const char *file, const char *profile, GError **error);

/* Wipes the secret. Takes NULL. */
void vk_s3_key_free(VkS3Key *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkS3Key, vk_s3_key_free)
