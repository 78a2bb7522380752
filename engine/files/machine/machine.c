/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include "errors.h"
#include "kernel.h"
#include "processor.h"
#include "qemu.h"
#include "uml.h"

#include <string.h>

/* Also one that this user may not read: what says so names the remedy. */
static gboolean has_kernel(void)
{
	g_auto(VkKernel) kernel = {0};
	g_autoptr(GError) trouble = NULL;

	return vk_kernel_find(VK_KERNEL_HOST_ROOT, &kernel, &trouble) ||
	       !g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND);
}

static gboolean can_uml(void)
{
	return vk_uml_is_installed() && vk_uml_may_trace(VK_UML_PTRACE_SCOPE, NULL);
}

/* Whether it is QEMU. */
static gboolean is_qemu(const VkMachineKind *kind)
{
	if (kind->kernel || strcmp(kind->machine, "qemu") == 0)
		return TRUE;
	return strcmp(kind->machine, "auto") == 0 && !can_uml() &&
	       vk_qemu_is_installed(vk_processor_own()) && has_kernel();
}

static VkSandboxed *start_qemu(const VkMachineKind *kind, guint count, guint64 memory,
			       GError **error)
{
	const VkProcessor *processor = vk_processor_own();

	if (!processor) {
		vk_fail(error, VK_ERROR_FAILED,
			"QEMU runs no appliance on the processor of this host");
		return NULL;
	}
	if (kind->kernel)
		return vk_qemu_start(processor, kind->kernel, count, memory, error);
	if (has_kernel())
		return vk_qemu_start(processor, VK_KERNEL_HOST_ROOT, count, memory, error);
	vk_fail(error, VK_ERROR_FAILED,
		"this host has no kernel for the appliance: install the package '%s', or name "
		"another one by --kernel",
		processor->kernel_package);
	return NULL;
}

VkSandboxed *vk_machine_start(const VkMachineKind *kind, guint count, guint64 memory,
			      GError **error)
{
	g_autofree char *advice = NULL;

	if (is_qemu(kind))
		return start_qemu(kind, count, memory, error);
	if (vk_uml_is_installed())
		return vk_uml_may_trace(VK_UML_PTRACE_SCOPE, error)
			       ? vk_uml_start(count, memory, error)
			       : NULL;
	advice = vk_processor_advice(vk_processor_own());
	vk_fail(error, VK_ERROR_FAILED,
		"files inside guests are read by a kernel of their own, and this host has none: "
		"%s; 'virtkeep mount' shows the disks and their partitions, for "
		"losetup(8)",
		advice);
	return NULL;
}
