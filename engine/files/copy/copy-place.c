/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-place.h"

#include "io.h"
#include "new-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int vk_place_make_directory(const VkPlace *place, gboolean *ret_is_new)
{
	*ret_is_new = vk_io.mkdirat(place->directory, place->name, 0700) == 0;
	if (!*ret_is_new && errno != EEXIST)
		return -1;
	return vk_io.openat(place->directory, place->name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

int vk_place_find(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* A name that nothing in the directory has. New string. */
static char *temporary_name(const VkPlace *place)
{
	g_autofree char *mark = g_strdup_printf(VK_NEW_FILE_MARK "%08x", g_random_int());

	return vk_new_file_decorated(place->name, mark);
}

int vk_place_new_file(const VkPlace *place, char **ret_temporary)
{
	int fd = vk_io.openat(place->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	*ret_temporary = NULL;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	*ret_temporary = temporary_name(place);
	fd = vk_io.openat(place->directory, *ret_temporary,
			  O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		g_clear_pointer(ret_temporary, g_free);
	return fd;
}

/* Makes what is called TEMPORARY be called as PLACE has it, or removes it. */
static gboolean rename_over(const VkPlace *place, const char *temporary)
{
	int trouble;

	if (vk_io.renameat2(place->directory, temporary, place->directory, place->name, 0) == 0)
		return TRUE;
	trouble = errno;
	vk_io.unlinkat(place->directory, temporary, 0);
	errno = trouble;
	return FALSE;
}

/* The maker of what gets the name NAME in the directory of PLACE; FALSE with errno. */
typedef gboolean (*Make)(const VkPlace *place, const char *name, gconstpointer data);

static gboolean put(const VkPlace *place, Make make, gconstpointer data, gboolean overwrite)
{
	g_autofree char *temporary = NULL;

	if (make(place, place->name, data))
		return TRUE;
	if (errno != EEXIST || !overwrite)
		return FALSE;
	temporary = temporary_name(place);
	return make(place, temporary, data) && rename_over(place, temporary);
}

static gboolean make_file(const VkPlace *place, const char *name, gconstpointer data)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", *(const int *)data);

	return vk_io.linkat(AT_FDCWD, path, place->directory, name, AT_SYMLINK_FOLLOW) == 0;
}

gboolean vk_place_put_file(const VkPlace *place, int fd, const char *temporary, gboolean overwrite)
{
	if (!temporary)
		return put(place, make_file, &fd, overwrite);
	if (overwrite)
		return rename_over(place, temporary);
	if (vk_io_rename_new(place->directory, temporary, place->directory, place->name, NULL))
		return TRUE;
	vk_io.unlinkat(place->directory, temporary, 0);
	errno = EEXIST;
	return FALSE;
}

static gboolean make_link(const VkPlace *place, const char *name, gconstpointer data)
{
	return symlinkat(data, place->directory, name) == 0;
}

gboolean vk_place_put_link(const VkPlace *place, const char *target, gboolean overwrite)
{
	return put(place, make_link, target, overwrite);
}

gboolean vk_place_put_hard_link(const VkPlace *place, int fd, gboolean overwrite)
{
	return put(place, make_file, &fd, overwrite);
}
