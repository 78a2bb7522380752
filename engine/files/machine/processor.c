/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "processor.h"

#include <string.h>
#include <sys/utsname.h>

static const VkProcessor processors[] = {
	{
		.name = "x86_64",
		.programs = {"/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"},
		.machine = "pc",
		.console = "ttyS0",
		.uml_package = "user-mode-linux",
		.qemu_package = "qemu-system-x86",
		.kernel_package = "linux-image-amd64",
	},
	{
		.name = "aarch64",
		.programs = {"/usr/bin/qemu-system-aarch64", "/usr/libexec/qemu-kvm"},
		.machine = "virt",
		.console = "ttyAMA0",
		.qemu_package = "qemu-system-arm",
		.kernel_package = "linux-image-arm64",
	},
};

const VkProcessor *vk_processor_named(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(processors); i++)
		if (strcmp(processors[i].name, name) == 0)
			return &processors[i];
	return NULL;
}

const VkProcessor *vk_processor_own(void)
{
	struct utsname host;

	return uname(&host) == 0 ? vk_processor_named(host.machine) : NULL;
}

char *vk_processor_advice(const VkProcessor *processor)
{
	if (!processor)
		return g_strdup("there is none for its processor");
	if (!processor->uml_package)
		return g_strdup_printf("install the packages '%s' and '%s'",
				       processor->qemu_package, processor->kernel_package);
	return g_strdup_printf("install the package '%s', or '%s' and '%s'", processor->uml_package,
			       processor->qemu_package, processor->kernel_package);
}
