/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host-programs.h"

#include "errors.h"

#include <string.h>
#include <unistd.h>

#define LDD "/usr/bin/ldd"

/* As the agent calls them. */
static const char *const programs[] = {
	"/usr/sbin/lvm",
	"/usr/sbin/cryptsetup",
	"/usr/bin/ntfs-3g",
	"/usr/sbin/mount.exfat-fuse",
};

/* What a library loads only when it is needed, from its own directory. */
static const struct {
	const char *soname;
	const char *beside;
} loaded_later[] = {
	/* By which its threads end. */
	{"libc.so.6", "libgcc_s.so.1"},
	/* Old hashes of LUKS, as Whirlpool. */
	{"libcrypto.so.3", "ossl-modules/legacy.so"},
};

/* PATH is in /usr, or in /lib, which leads there. A file that is there already stays. */
static gboolean add(VkInitrd *initrd, GHashTable *added, const char *path, GError **error)
{
	const char *root = g_str_has_prefix(path, "/usr/") ? "" : "usr/";
	g_autofree char *place = g_strconcat(root, path + 1, NULL);

	return !g_hash_table_add(added, g_strdup(place)) ||
	       vk_initrd_add_file(initrd, place, path, error);
}

static gboolean add_library(VkInitrd *initrd, GHashTable *added, const char *library,
			    GError **error)
{
	g_autofree char *folder = g_path_get_dirname(library);
	const char *name = library + strlen(folder) + 1;

	if (!add(initrd, added, library, error))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(loaded_later); i++) {
		g_autofree char *path = g_build_filename(folder, loaded_later[i].beside, NULL);

		if (strcmp(name, loaded_later[i].soname) == 0 && access(path, R_OK) == 0 &&
		    !add(initrd, added, path, error))
			return FALSE;
	}
	return TRUE;
}

/* LIST is what ldd prints: "NAME => PATH (ADDRESS)" or "PATH (ADDRESS)" on each line. */
static gboolean add_libraries(VkInitrd *initrd, GHashTable *added, const char *list, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(list, " \t\n", -1);

	for (char **word = words; *word; word++) {
		if (**word != '/' || g_str_has_suffix(*word, ":"))
			continue;
		if (!add_library(initrd, added, *word, error))
			return FALSE;
	}
	return TRUE;
}

/* Those that are installed, behind the name of ldd. */
static GPtrArray *list_installed(void)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(argv, g_strdup(LDD));
	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++)
		if (access(programs[i], X_OK) == 0)
			g_ptr_array_add(argv, g_strdup(programs[i]));
	return argv;
}

gboolean vk_host_programs_add(VkInitrd *initrd, GError **error)
{
	g_autoptr(GHashTable) added = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) argv = list_installed();
	g_autofree char *list = NULL;
	g_autoptr(GError) trouble = NULL;
	guint count = argv->len;

	if (count == 1)
		return TRUE;
	for (guint i = 1; i < count; i++)
		if (!add(initrd, added, g_ptr_array_index(argv, i), error))
			return FALSE;
	g_ptr_array_add(argv, NULL);
	/* It fails if one of them needs no library, and says nothing of that one. */
	if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
			  &list, NULL, NULL, &trouble))
		return vk_fail(error, VK_ERROR_FAILED, "cannot run '%s': %s", LDD,
			       trouble->message);
	return add_libraries(initrd, added, list, error);
}
