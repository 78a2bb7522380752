/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uml.h"

#include "errors.h"
#include "initrd.h"
#include "io.h"

#include <unistd.h>

#define KERNEL  "/usr/bin/linux.uml"
#define MODULES "/usr/lib/uml/modules"

/* Of the kernel, and of the files that it makes beside its memory. */
#define MEMORY_MIB 128
#define SPARE_MIB  16

/* What is not in the kernel itself. */
static const char *const modules[] = {
	"nls_cp437", "nls_iso8859-1", "nls_ascii", "vfat", "isofs", "udf", "squashfs", "fuse", NULL,
};

/* The folder with the modules of the one kernel that is installed. New string. */
static char *find_modules(GError **error)
{
	g_autoptr(GDir) directory = g_dir_open(MODULES, 0, NULL);
	const char *release = directory ? g_dir_read_name(directory) : NULL;

	if (release)
		return g_build_filename(MODULES, release, NULL);
	vk_fail(error, VK_ERROR_FAILED, "'%s' has no modules: reinstall user-mode-linux", MODULES);
	return NULL;
}

/* A descriptor of the archive, or -1. */
static int make_initrd(GError **error)
{
	g_autofree char *agent = vk_sandboxed_helper("agent", "virtkeep-agent");
	g_autofree char *directory = find_modules(error);
	g_autoptr(VkInitrd) initrd = directory ? vk_initrd_new(error) : NULL;
	g_autoptr(GError) missing = NULL;

	if (!initrd || !vk_initrd_add_file(initrd, "init", agent, error) ||
	    !vk_initrd_add_modules(initrd, directory, modules, error))
		return -1;
	if (!vk_initrd_add_program(initrd, "ntfs-3g", &missing) &&
	    !g_error_matches(missing, VK_ERROR, VK_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return -1;
	}
	return vk_initrd_end(initrd, error);
}

VkSandboxed *vk_uml_start(guint count, GError **error)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	VK_AUTOFD initrd = -1;

	if (access(KERNEL, X_OK) < 0) {
		vk_fail(error, VK_ERROR_FAILED,
			"files inside guests are read by User-mode Linux, which is not installed: "
			"install the package 'user-mode-linux'");
		return NULL;
	}
	initrd = make_initrd(error);
	if (initrd < 0)
		return NULL;
	g_ptr_array_add(argv, g_strdup(KERNEL));
	g_ptr_array_add(argv, g_strdup_printf("mem=%dM", MEMORY_MIB));
	g_ptr_array_add(argv, g_strdup("initrd=" VK_SANDBOXED_INITRD));
	g_ptr_array_add(argv, g_strdup("con=null"));
	g_ptr_array_add(argv, g_strdup("con0=fd:0,fd:1"));
	g_ptr_array_add(argv, g_strdup("con1=fd:" VK_SANDBOXED_IN ",fd:" VK_SANDBOXED_OUT));
	g_ptr_array_add(argv, g_strdup("ssl=null"));
	g_ptr_array_add(argv, g_strdup("uml_dir=/tmp"));
	g_ptr_array_add(argv, g_strdup("quiet"));
	for (guint i = 0; i < count; i++)
		g_ptr_array_add(argv, g_strdup_printf("ubd%u=/disks/%u", i, i));
	g_ptr_array_add(argv, NULL);
	return vk_sandboxed_start((const char *const *)argv->pdata, initrd,
				  (guint64)(MEMORY_MIB + SPARE_MIB) << 20, error);
}
