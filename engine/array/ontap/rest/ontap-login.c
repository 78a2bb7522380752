/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ontap-login.h"

#include "errors.h"
#include "io.h"

#include <string.h>
#include <sys/stat.h>

#define SECRET_MAX   4096
#define CREDENTIAL   "virtkeep.array." /* of systemd, before the array's name */
#define UNAUTHORIZED 401

struct VkOntapLogin {
	char *name, *user, *password_file;
	VkWarn warn;
	gboolean by_certificate;
	GMutex door; /* held by a request that goes alone; to be taken before the other one */
	gboolean is_let_in; /* guarded by it */
	GMutex mutex;       /* guards what follows */
	char *password;     /* once it was read */
	char *refused;      /* the password that was; "" for a certificate */
};

VkOntapLogin *vk_ontap_login_new(const VkSettings *settings, const char *name, VkWarn warn)
{
	VkOntapLogin *login = g_new0(VkOntapLogin, 1);

	login->name = g_strdup(name);
	login->warn = warn;
	login->user = g_strdup(vk_settings_get_named(settings, "array", name, "user"));
	login->password_file =
		g_strdup(vk_settings_get_named(settings, "array", name, "password_file"));
	login->by_certificate =
		vk_settings_get_named(settings, "array", name, "client_cert") != NULL;
	g_mutex_init(&login->door);
	g_mutex_init(&login->mutex);
	return login;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

void vk_ontap_login_free(VkOntapLogin *login)
{
	if (!login)
		return;
	free_secret(login->password);
	free_secret(login->refused);
	g_mutex_clear(&login->door);
	g_mutex_clear(&login->mutex);
	g_free(login->name);
	g_free(login->user);
	g_free(login->password_file);
	g_free(login);
}

static char *secret_path(const VkOntapLogin *login)
{
	const char *credentials = g_getenv("CREDENTIALS_DIRECTORY");
	g_autofree char *name = g_strconcat(CREDENTIAL, login->name, NULL);

	if (login->password_file)
		return g_strdup(login->password_file);
	return credentials ? g_build_filename(credentials, name, NULL) : NULL;
}

static void warn_of_readers(const VkOntapLogin *login, const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)))
		login->warn("array '%s': others can read its password: chmod 600 '%s'", login->name,
			    path);
}

/* With the mutex held. */
static gboolean read_password(VkOntapLogin *login, GError **error)
{
	g_autofree char *path = secret_path(login);
	g_autoptr(GError) trouble = NULL;
	gsize length = 0;

	if (login->password)
		return TRUE;
	if (!path)
		return vk_fail(
			error, VK_ERROR_USAGE,
			"array '%s': there is no password for '%s': set password_file, or give "
			"the systemd credential '" CREDENTIAL "%s'",
			login->name, login->user, login->name);
	if (!vk_io_read_whole(path, SECRET_MAX + 2, &login->password, &length, &trouble))
		return vk_fail(error, VK_ERROR_USAGE, "array '%s': the password is unreadable: %s",
			       login->name, trouble->message);
	if (!login->refused)
		warn_of_readers(login, path);
	g_strchomp(login->password);
	if (length <= SECRET_MAX && *login->password)
		return TRUE;
	g_clear_pointer(&login->password, g_free);
	return vk_fail(error, VK_ERROR_USAGE, "array '%s': '%s' holds no password", login->name,
		       path);
}

/* With the mutex held. */
static gboolean find_login(VkOntapLogin *login, GError **error)
{
	if (!login->by_certificate && !login->user)
		return vk_fail(error, VK_ERROR_USAGE,
			       "array '%s': set user and password_file, or client_cert and "
			       "client_key",
			       login->name);
	if (!login->by_certificate && !read_password(login, error))
		return FALSE;
	if (!login->refused || (login->password && strcmp(login->password, login->refused) != 0))
		return TRUE;
	/* The file may have another one by the next time. */
	g_clear_pointer(&login->password, free_secret);
	return vk_fail(error, VK_ERROR_FAILED,
		       "array '%s': it has refused the login, which is not tried again, because "
		       "that could lock the account; check user, password_file and client_cert",
		       login->name);
}

gboolean vk_ontap_login_begin(VkOntapLogin *login, VkOntapLoginTry *ret, GError **error)
{
	gboolean ok;

	g_mutex_lock(&login->door);
	ret->is_alone = !login->is_let_in;
	if (!ret->is_alone)
		g_mutex_unlock(&login->door);
	g_mutex_lock(&login->mutex);
	ok = find_login(login, error);
	ret->password = ok ? g_strdup(login->password) : NULL;
	g_mutex_unlock(&login->mutex);
	if (!ok && ret->is_alone)
		g_mutex_unlock(&login->door);
	return ok;
}

/* Whatever was let in before. */
static void note_refusal(VkOntapLogin *login, const char *password)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&login->mutex);

	free_secret(login->refused);
	login->refused = g_strdup(password ? password : "");
	g_clear_pointer(&login->password, free_secret);
}

void vk_ontap_login_end(VkOntapLogin *login, VkOntapLoginTry *try, guint status)
{
	gboolean is_refused = status == UNAUTHORIZED;

	if (is_refused)
		note_refusal(login, try->password);
	if (is_refused && !try->is_alone)
		g_mutex_lock(&login->door);
	if (is_refused || try->is_alone) {
		login->is_let_in = status != 0 && !is_refused;
		g_mutex_unlock(&login->door);
	}
	g_clear_pointer(&try->password, free_secret);
}
