/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel.h"

#include "errors.h"

#include <string.h>

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

/* Takes the kernel RELEASE for *NEWEST, if it is newer and there. */
static void look_at(const char *root, const char *folder, const char *release, char **newest,
		    VkKernel *kernel)
{
	g_autofree char *modules = g_build_filename(folder, release, NULL);
	g_autofree char *path = find_image(root, modules, release);

	if (!path || (*newest && strverscmp(release, *newest) < 0))
		return;
	vk_kernel_clear(kernel);
	g_free(*newest);
	*newest = g_strdup(release);
	kernel->path = g_steal_pointer(&path);
	kernel->modules = g_steal_pointer(&modules);
}

gboolean vk_kernel_find(const char *root, VkKernel *ret, GError **error)
{
	static const char *const places[] = {"lib/modules", "usr/lib/modules"};
	g_auto(VkKernel) kernel = {0};
	g_autofree char *newest = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *folder = g_build_filename(root, places[i], NULL);
		g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
		const char *release;

		while (dir && (release = g_dir_read_name(dir)))
			look_at(root, folder, release, &newest, &kernel);
	}
	if (!newest)
		return vk_fail(error, VK_ERROR_NOT_FOUND,
			       "there is no kernel in '%s': boot/vmlinuz-RELEASE and "
			       "lib/modules/RELEASE are looked for",
			       root);
	*ret = kernel;
	kernel = (VkKernel){0};
	return TRUE;
}

void vk_kernel_clear(VkKernel *kernel)
{
	g_clear_pointer(&kernel->path, g_free);
	g_clear_pointer(&kernel->modules, g_free);
}
