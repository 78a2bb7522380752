/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uml.h"

#include "initrd.h"
#include "io.h"

#include <unistd.h>

#define KERNEL "/usr/bin/linux.uml"

/* Of the files that it makes beside its memory. */
#define SPARE_BYTES ((guint64)16 << 20)

gboolean vk_uml_is_installed(void)
{
	return access(KERNEL, X_OK) == 0;
}

static int make_initrd(GError **error)
{
	g_autofree char *agent = vk_sandboxed_helper("agent", "virtkeep-agent");
	g_autoptr(VkInitrd) initrd = vk_initrd_new(agent, error);

	return initrd ? vk_initrd_end(initrd, error) : -1;
}

VkSandboxed *vk_uml_start(guint count, guint64 memory, GError **error)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	VK_AUTOFD initrd = make_initrd(error);
	const VkSandboxedFiles files = {.initrd = initrd, .kernel = -1, .disc = -1};

	if (initrd < 0)
		return NULL;
	g_ptr_array_add(argv, g_strdup(KERNEL));
	g_ptr_array_add(argv, g_strdup_printf("mem=%" G_GUINT64_FORMAT, memory));
	g_ptr_array_add(argv, g_strdup("initrd=" VK_SANDBOXED_INITRD));
	g_ptr_array_add(argv, g_strdup("con=null"));
	g_ptr_array_add(argv, g_strdup("con0=null,fd:" VK_SANDBOXED_CONSOLE));
	g_ptr_array_add(argv, g_strdup("con1=fd:" VK_SANDBOXED_IN ",fd:" VK_SANDBOXED_OUT));
	g_ptr_array_add(argv, g_strdup("ssl=null"));
	g_ptr_array_add(argv, g_strdup("uml_dir=/tmp"));
	g_ptr_array_add(argv, g_strdup("quiet"));
	for (guint i = 0; i < count; i++)
		g_ptr_array_add(argv, g_strdup_printf("ubd%u=/disks/%u", i, i));
	g_ptr_array_add(argv, NULL);
	return vk_sandboxed_start((const char *const *)argv->pdata, &files, memory + SPARE_BYTES,
				  error);
}
