/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-names-priv.h"

#define SOCKET_PREFIX  "virtkeep-"
#define SOCKET_SUFFIX  ".sock"
#define SCRATCH_SUFFIX ".qcow2"
#define UUID_LENGTH    36

/* How the names of the guest's sockets begin in a directory of all guests. New string. */
static char *socket_prefix(const char *uuid)
{
	g_auto(GStrv) parts = g_strsplit(uuid, "-", -1);
	g_autofree char *hex = g_strjoinv("", parts);

	return g_strdup_printf(SOCKET_PREFIX "%s-", hex);
}

char *vk_backup_own_socket(const char *directory)
{
	return g_strdup_printf("%s/" SOCKET_PREFIX "%08x%08x" SOCKET_SUFFIX, directory,
			       g_random_int(), g_random_int());
}

char *vk_backup_run_socket(const char *run_dir, const char *uuid)
{
	g_autofree char *prefix = socket_prefix(uuid);

	return g_strdup_printf("%s/%s%08x" SOCKET_SUFFIX, run_dir, prefix, g_random_int());
}

gboolean vk_backup_is_our_socket(const char *path)
{
	g_autofree char *base = g_path_get_basename(path);

	return g_str_has_prefix(base, SOCKET_PREFIX);
}

char *vk_backup_scratch_path(const char *scratch_dir, const char *uuid, const char *target)
{
	return g_strdup_printf("%s/%s-%s-%08x%08x" SCRATCH_SUFFIX, scratch_dir, uuid, target,
			       g_random_int(), g_random_int());
}

char *vk_backup_scratch_owner(const char *name)
{
	g_autofree char *uuid = g_strndup(name, UUID_LENGTH);

	return g_uuid_string_is_valid(uuid) && g_str_has_suffix(name, SCRATCH_SUFFIX)
		       ? g_steal_pointer(&uuid)
		       : NULL;
}

char *vk_backup_bitmap_name(void)
{
	return g_strdup_printf("virtkeep-%08x%08x", g_random_int(), g_random_int());
}

static void find_files(GPtrArray *found, const char *directory, const char *prefix,
		       const char *suffix)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix) && g_str_has_suffix(name, suffix))
			g_ptr_array_add(found, g_build_filename(directory, name, NULL));
}

GPtrArray *vk_backup_job_files(VkGuest *guest, const VkBackupJobPaths *paths)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	const char *uuid = vk_guest_uuid(guest);
	g_autofree char *scratch_prefix = g_strdup_printf("%s-", uuid);
	g_autofree char *run_prefix = socket_prefix(uuid);

	find_files(found, paths->scratch_dir, scratch_prefix, SCRATCH_SUFFIX);
	find_files(found, paths->run_dir, run_prefix, SOCKET_SUFFIX);
	return found;
}
