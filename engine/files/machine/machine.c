/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include "errors.h"
#include "kernel.h"
#include "qemu.h"
#include "uml.h"

#include <string.h>

#define HOST_ROOT "/"

static gboolean has_kernel(void)
{
	g_auto(VkKernel) kernel = {0};

	return vk_kernel_find(HOST_ROOT, &kernel, NULL);
}

/* Whether it is QEMU. */
static gboolean is_qemu(const VkMachineKind *kind)
{
	if (kind->kernel || strcmp(kind->machine, "qemu") == 0)
		return TRUE;
	return strcmp(kind->machine, "auto") == 0 && !vk_uml_is_installed() &&
	       vk_qemu_is_installed() && has_kernel();
}

static VkSandboxed *start_qemu(const VkMachineKind *kind, guint count, guint64 memory,
			       GError **error)
{
	if (kind->kernel)
		return vk_qemu_start(kind->kernel, count, memory, error);
	if (has_kernel())
		return vk_qemu_start(HOST_ROOT, count, memory, error);
	vk_fail(error, VK_ERROR_FAILED,
		"this host has no kernel for the appliance: install the package "
		"'linux-image-amd64', or name another one by --kernel");
	return NULL;
}

VkSandboxed *vk_machine_start(const VkMachineKind *kind, guint count, guint64 memory,
			      GError **error)
{
	if (is_qemu(kind))
		return start_qemu(kind, count, memory, error);
	if (vk_uml_is_installed())
		return vk_uml_start(count, memory, error);
	vk_fail(error, VK_ERROR_FAILED,
		"files inside guests are read by a kernel of their own, and this host has none: "
		"install the package 'user-mode-linux', or 'qemu-system-x86' and "
		"'linux-image-amd64'; until then 'virtkeep mount' shows the disks and their "
		"partitions, for losetup(8)");
	return NULL;
}
