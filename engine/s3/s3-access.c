/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-access.h"

#include "log.h"

#define REGION "us-east-1"

static VkS3Access access_now;

void vk_s3_access_set(const VkS3Access *access)
{
	access_now = (VkS3Access){
		.key_file = g_intern_string(access->key_file),
		.profile = g_intern_string(access->profile),
		.region = g_intern_string(access->region),
		.ca_file = g_intern_string(access->ca_file),
		.has_bucket_host = access->has_bucket_host,
		.uploads = access->uploads,
	};
}

/* The first that is set of VALUE and the variables ONE and OTHER; NULL: none is. */
static const char *pick(const char *value, const char *one, const char *other)
{
	const char *variables[] = {one, other};

	for (guint i = 0; !value && i < G_N_ELEMENTS(variables) && variables[i]; i++) {
		value = g_getenv(variables[i]);
		if (value && !*value)
			value = NULL;
	}
	return value;
}

VkS3 *vk_s3_open(const char *url, GError **error)
{
	const char *region = pick(access_now.region, "AWS_REGION", "AWS_DEFAULT_REGION");
	g_autoptr(VkS3Address) address = vk_s3_address_parse(url, error);
	VkS3Key *key =
		address ? vk_s3_key_find(access_now.key_file, access_now.profile, error) : NULL;

	if (!key)
		return NULL;
	return vk_s3_new(g_steal_pointer(&address), key,
			 &(VkS3Options){
				 .region = region ? region : REGION,
				 .ca_file = pick(access_now.ca_file, "AWS_CA_BUNDLE", NULL),
				 .has_bucket_host = access_now.has_bucket_host,
				 .find_key = vk_s3_key_find,
				 .key_file = access_now.key_file,
				 .key_profile = access_now.profile,
				 .warn = vk_log_warning,
			 });
}

guint vk_s3_uploads(void)
{
	return access_now.uploads ? access_now.uploads : VK_S3_UPLOADS;
}
