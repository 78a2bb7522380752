/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "uml.h"

#include "errors.h"
#include "initrd.h"
#include "io.h"

#include <unistd.h>

#define KERNEL "/usr/bin/linux.uml"

/* Of the files that it makes beside its memory. */
#define SPARE_BYTES ((guint64)16 << 20)

/* The largest scope with which programs may trace their own children, and bytes of its file. */
#define CHILDREN  1
#define SCOPE_MAX 32

gboolean vk_uml_is_installed(void)
{
	return access(KERNEL, X_OK) == 0;
}

gboolean vk_uml_may_trace(const char *scope, GError **error)
{
	g_autofree char *text = NULL;
	guint64 number;
	gsize length;

	if (!vk_io_read_whole(scope, SCOPE_MAX, &text, &length, NULL))
		return TRUE;
	number = g_ascii_strtoull(text, NULL, 10);
	return number <= CHILDREN ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "the host's kernel.yama.ptrace_scope is %" G_GUINT64_FORMAT
		       ", and User-mode Linux needs 0 or 1: set 'appliance = qemu'",
		       number);
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
