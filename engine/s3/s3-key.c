/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-key.h"

#include "errors.h"
#include "io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CREDENTIAL "virtkeep-s3"
#define FILE_MAX   65536u
#define PART_MAX   16384u /* tokens are long */

static void wipe_string(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	g_free(text);
}

void vk_s3_key_free(VkS3Key *key)
{
	if (!key)
		return;
	g_free(key->id);
	wipe_string(key->secret);
	wipe_string(key->token);
	g_free(key);
}

static const char *variable(const char *name)
{
	const char *value = g_getenv(name);

	return value && *value ? value : NULL;
}

/* They become parts of header lines. */
static gboolean is_printable(const char *text)
{
	for (const char *at = text; *at; at++)
		if (!g_ascii_isgraph(*at))
			return FALSE;
	return *text && strlen(text) <= PART_MAX;
}

static gboolean check_key(const VkS3Key *key, const char *source, GError **error)
{
	return (is_printable(key->id) && is_printable(key->secret) &&
		(!key->token || is_printable(key->token))) ||
	       vk_fail(error, VK_ERROR_USAGE,
		       "the access key for S3 from %s has spaces or signs in it that no key has",
		       source);
}

/* *RET is NULL when the environment has no key. */
static gboolean from_environment(VkS3Key **ret, GError **error)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");
	g_autoptr(VkS3Key) key = NULL;

	*ret = NULL;
	if (!id && !secret)
		return TRUE;
	if (!id || !secret)
		return vk_fail(error, VK_ERROR_USAGE,
			       "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set: "
			       "set the other one as well");
	key = g_new0(VkS3Key, 1);
	key->id = g_strdup(id);
	key->secret = g_strdup(secret);
	key->token = g_strdup(variable("AWS_SESSION_TOKEN"));
	if (!check_key(key, "the environment", error))
		return FALSE;
	*ret = g_steal_pointer(&key);
	return TRUE;
}

/* Reads a file that only its owner may read into TEXT of FILE_MAX + 1 bytes. */
static gboolean read_file(const char *path, char *text, gsize *ret_length, GError **error)
{
	VK_AUTOFD fd = vk_io_open_regular(AT_FDCWD, path, path, error);
	struct stat facts;

	if (fd < 0)
		return FALSE;
	if (fstat(fd, &facts) < 0 || (facts.st_mode & 077) != 0)
		return vk_fail(error, VK_ERROR_DENIED,
			       "others may read the file '%s' with a key for S3: take their "
			       "rights away with 'chmod go= FILE'",
			       path);
	return vk_io_read(fd, path, 0, text, FILE_MAX + 1, ret_length, error) &&
	       (*ret_length <= FILE_MAX ||
		vk_fail(error, VK_ERROR_USAGE, "the file '%s' has more than %u bytes", path,
			FILE_MAX));
}

/* Other programs let a ';' begin a comment. */
static void blank_comments(char *text, gsize length)
{
	gboolean is_start = TRUE;

	for (gsize i = 0; i < length; i++) {
		if (is_start && text[i] == ';')
			text[i] = '#';
		is_start = text[i] == '\n';
	}
}

static char *member(GKeyFile *file, const char *profile, const char *name)
{
	char *value = g_key_file_get_value(file, profile, name, NULL);

	return value ? g_strstrip(value) : NULL;
}

static VkS3Key *parse(char *text, gsize length, const char *path, const char *profile,
		      GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(VkS3Key) key = g_new0(VkS3Key, 1);
	g_autofree char *source = g_strdup_printf("'%s'", path);

	blank_comments(text, length);
	/* GLib's error would repeat the line. */
	if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, NULL)) {
		vk_fail(error, VK_ERROR_USAGE,
			"the file '%s' is not of the form [PROFILE], aws_access_key_id = ..., "
			"aws_secret_access_key = ...",
			path);
		return NULL;
	}
	key->id = member(file, profile, "aws_access_key_id");
	key->secret = member(file, profile, "aws_secret_access_key");
	key->token = member(file, profile, "aws_session_token");
	if (key->id && key->secret)
		return check_key(key, source, error) ? g_steal_pointer(&key) : NULL;
	vk_fail(error, VK_ERROR_USAGE,
		"the file '%s' has no aws_access_key_id and aws_secret_access_key in its section "
		"[%s]: add them, or name another section by s3_profile or AWS_PROFILE",
		path, profile);
	return NULL;
}

static VkS3Key *from_file(const char *path, const char *profile, GError **error)
{
	g_autofree char *text = g_malloc(FILE_MAX + 1);
	VkS3Key *key = NULL;
	gsize length;

	if (!profile)
		profile = variable("AWS_PROFILE");
	if (read_file(path, text, &length, error))
		key = parse(text, length, path, profile ? profile : "default", error);
	explicit_bzero(text, FILE_MAX + 1);
	return key;
}

/* The file that systemd passes, or the one that other programs share. New string, or NULL. */
static char *find_file(void)
{
	const char *credentials = variable("CREDENTIALS_DIRECTORY");
	const char *shared = variable("AWS_SHARED_CREDENTIALS_FILE");
	g_autofree char *path =
		credentials ? g_build_filename(credentials, CREDENTIAL, NULL) : NULL;

	if (path && g_file_test(path, G_FILE_TEST_EXISTS))
		return g_steal_pointer(&path);
	if (shared)
		return g_strdup(shared);
	g_free(path);
	path = g_build_filename(g_get_home_dir(), ".aws", "credentials", NULL);
	return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

VkS3Key *vk_s3_key_find(const char *file, const char *profile, GError **error)
{
	VkS3Key *key;
	g_autofree char *path = NULL;

	if (!from_environment(&key, error) || key)
		return key;
	path = file ? g_strdup(file) : find_file();
	if (path)
		return from_file(path, profile, error);
	vk_fail(error, VK_ERROR_USAGE,
		"there is no access key for S3: set s3_key_file in [vault], or AWS_ACCESS_KEY_ID "
		"and AWS_SECRET_ACCESS_KEY");
	return NULL;
}
