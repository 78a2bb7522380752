/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel.h"

#include "errors.h"

#include <string.h>
#include <unistd.h>

/* Where the kernel RELEASE is. New string; NULL: nowhere. */
static char *find_image(const char *root, const char *modules, const char *release)
{
	g_autofree char *name = g_strconcat("vmlinuz-", release, NULL);
	g_autofree char *in_boot = g_build_filename(root, "boot", name, NULL);
	g_autofree char *beside = g_build_filename(modules, "vmlinuz", NULL);

	if (g_file_test(in_boot, G_FILE_TEST_IS_REGULAR))
		return g_steal_pointer(&in_boot);
	return g_file_test(beside, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer(&beside) : NULL;
}

/* What was found so far. */
typedef struct Search {
	const char *root;
	char *newest; /* release of KERNEL */
	VkKernel kernel;
	char *unreadable; /* path of the newest kernel that this user may not read */
	char *unreadable_release;
} Search;

static void search_clear(Search *search)
{
	g_clear_pointer(&search->newest, g_free);
	vk_kernel_clear(&search->kernel);
	g_clear_pointer(&search->unreadable, g_free);
	g_clear_pointer(&search->unreadable_release, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

static gboolean is_newer(const char *release, const char *other)
{
	return !other || strverscmp(release, other) >= 0;
}

/* Takes the kernel RELEASE, if it is there, can be read, and is newer than what was found. */
static void look_at(Search *search, const char *folder, const char *release)
{
	g_autofree char *modules = g_build_filename(folder, release, NULL);
	g_autofree char *path = find_image(search->root, modules, release);

	if (!path)
		return;
	if (eaccess(path, R_OK) < 0) {
		if (!is_newer(release, search->unreadable_release))
			return;
		g_free(search->unreadable);
		g_free(search->unreadable_release);
		search->unreadable = g_steal_pointer(&path);
		search->unreadable_release = g_strdup(release);
		return;
	}
	if (!is_newer(release, search->newest))
		return;
	vk_kernel_clear(&search->kernel);
	g_free(search->newest);
	search->newest = g_strdup(release);
	search->kernel.path = g_steal_pointer(&path);
	search->kernel.modules = g_steal_pointer(&modules);
}

static gboolean fail_without(const Search *search, GError **error)
{
	if (search->unreadable)
		return vk_fail(error, VK_ERROR_DENIED,
			       "this user may not read the kernel '%s': run the command as root, "
			       "or let all users read it with 'chmod a+r'",
			       search->unreadable);
	return vk_fail(error, VK_ERROR_NOT_FOUND,
		       "there is no kernel in '%s': boot/vmlinuz-RELEASE and "
		       "lib/modules/RELEASE are looked for",
		       search->root);
}

gboolean vk_kernel_find(const char *root, VkKernel *ret, GError **error)
{
	static const char *const places[] = {"lib/modules", "usr/lib/modules"};
	g_auto(Search) search = {.root = root};

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *folder = g_build_filename(root, places[i], NULL);
		g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
		const char *release;

		while (dir && (release = g_dir_read_name(dir)))
			look_at(&search, folder, release);
	}
	if (!search.newest)
		return fail_without(&search, error);
	*ret = search.kernel;
	search.kernel = (VkKernel){0};
	if (search.unreadable && strverscmp(search.unreadable_release, search.newest) > 0)
		ret->forbidden = g_steal_pointer(&search.unreadable);
	return TRUE;
}

void vk_kernel_clear(VkKernel *kernel)
{
	g_clear_pointer(&kernel->path, g_free);
	g_clear_pointer(&kernel->modules, g_free);
	g_clear_pointer(&kernel->forbidden, g_free);
}
