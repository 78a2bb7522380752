/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-bed.h"

#include "temp-vault.h"

#include <check.h>
#include <string.h>

char *directory;
char *prefix;
VkS3 *s3;
guint warnings;

void warn(const char *format, ...)
{
	warnings++;
}

void set_faults(const char *lines)
{
	ck_assert(g_file_set_contents(g_getenv("VK_TEST_S3_FAULTS"), lines, -1, NULL));
}

VkS3 *open_with(const char *id, const char *secret, const char *bucket)
{
	g_autofree char *server = g_path_get_dirname(g_getenv("VK_TEST_S3"));
	g_autofree char *url = g_strdup_printf("%s/%s/%s", server, bucket, prefix);
	VkS3Key *key = g_new0(VkS3Key, 1);

	key->id = g_strdup(id);
	key->secret = g_strdup(secret);
	return vk_s3_new(vk_s3_address_parse(url, NULL), key,
			 &(VkS3Options){.region = "r", .warn = warn});
}

void setup(void)
{
	directory = temp_directory_new();
	prefix = g_path_get_basename(directory);
	warnings = 0;
	set_faults("");
	s3 = open_with(g_getenv("AWS_ACCESS_KEY_ID"), g_getenv("AWS_SECRET_ACCESS_KEY"), "bucket");
}

void teardown(void)
{
	vk_s3_free(s3);
	temp_directory_remove(directory);
	g_free(directory);
	g_free(prefix);
}

gboolean put(const char *name, GError **error)
{
	return vk_s3_put(s3, name, "content", 7, FALSE, error);
}

void expect(gboolean done, const GError *error)
{
	ck_assert_msg(done, "%s", error ? error->message : "");
}

void expect_error(GError *error, VkErrorCode code, const char *text)
{
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(g_error_matches(error, VK_ERROR, (gint)code), "%s", error->message);
	ck_assert_msg(strstr(error->message, text) != NULL, "%s", error->message);
	g_error_free(error);
}
