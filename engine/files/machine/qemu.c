/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu.h"

#include "errors.h"
#include "host-programs.h"
#include "initrd.h"
#include "io.h"
#include "kernel-modules.h"
#include "kernel.h"
#include "log.h"
#include "sealed-file.h"

#include <string.h>
#include <unistd.h>

/* A kernel has some MiB. */
#define KERNEL_MAX ((gsize)256 << 20)

/* Of /tmp, which it does not use. */
#define TMP_BYTES ((guint64)1 << 20)

/*
 * Behind the console. Without the check of the timer the kernel gives up if a busy host lets it
 * miss the interrupts of the timer for a moment. Its tests of its ciphers would take a tenth of the
 * start.
 */
static const char kernel_words[] =
	"quiet panic=-1 no_timer_check cryptomgr.notests mitigations=off "
	"raid=noautodetect";

static const char console_socket[] = "socket,id=console,fd=" VK_SANDBOXED_CONSOLE;
static const char disc_drive[] =
	"if=none,id=disc,format=raw,readonly=on,file.locking=off,file=" VK_SANDBOXED_DISC;

/* NULL: it is not installed. */
static const char *find_program(const VkProcessor *processor)
{
	for (const char *const *program = processor->programs; *program; program++)
		if (access(*program, X_OK) == 0)
			return *program;
	return NULL;
}

gboolean vk_qemu_is_installed(const VkProcessor *processor)
{
	return processor && find_program(processor);
}

/* A sealed copy: the sandbox does not see where kernels are. -1 on failure. */
static int copy_kernel(const char *path, GError **error)
{
	g_autofree char *bytes = NULL;
	VK_AUTOFD fd = -1;
	gsize length;

	if (!vk_io_read_whole(path, KERNEL_MAX, &bytes, &length, error))
		return -1;
	fd = vk_sealed_file_new(error);
	if (fd < 0 || !vk_io_write(fd, "the copy of the kernel", 0, bytes, length, error) ||
	    !vk_sealed_file_seal(fd, error))
		return -1;
	return g_steal_fd(&fd);
}

static int make_initrd(const char *modules, GError **error)
{
	g_autofree char *agent = vk_sandboxed_helper("agent", "virtkeep-agent");
	g_autoptr(VkInitrd) initrd = vk_initrd_new(agent, error);

	return initrd && vk_kernel_modules_add_first(initrd, modules, error)
		       ? vk_initrd_end(initrd, error)
		       : -1;
}

static int make_disc(const char *modules, GError **error)
{
	g_autoptr(VkInitrd) disc = vk_initrd_new_disc(error);

	return disc && vk_kernel_modules_add(disc, modules, error) &&
			       vk_host_programs_add(disc, error)
		       ? vk_initrd_end(disc, error)
		       : -1;
}

static void add_words(GPtrArray *argv, const char *const *words, gsize count)
{
	for (gsize i = 0; i < count; i++)
		g_ptr_array_add(argv, g_strdup(words[i]));
}

/* VALUE is taken. */
static void add_option(GPtrArray *argv, const char *option, char *value)
{
	g_ptr_array_add(argv, g_strdup(option));
	g_ptr_array_add(argv, value);
}

/* The agent finds a disk by its serial number. */
static void add_disk(GPtrArray *argv, guint number)
{
	add_option(argv, "-drive",
		   g_strdup_printf("if=none,id=disk%u,format=raw,file=/disks/%u,"
				   "file.locking=off,cache=unsafe",
				   number, number));
	add_option(argv, "-device",
		   g_strdup_printf("virtio-blk-pci,drive=disk%u,serial=%u", number, number));
}

/* Ended by NULL. */
static GPtrArray *make_command(const VkProcessor *processor, const char *program, guint count,
			       guint64 memory)
{
	static const char *const words[] = {
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		/*
		 * A host can have a KVM that runs nothing. The MiB of translated code are those
		 * that what runs here needs at a time.
		 */
		"-accel",
		"tcg,tb-size=16",
		"-cpu",
		"max",
		"-no-reboot",
		"-kernel",
		VK_SANDBOXED_KERNEL,
		"-initrd",
		VK_SANDBOXED_INITRD,
		"-chardev",
		console_socket,
		"-serial",
		"chardev:console",
		"-chardev",
		"stdio,id=channel,signal=off",
		"-device",
		"virtio-serial-pci",
		"-device",
		"virtserialport,chardev=channel",
		"-drive",
		disc_drive,
		"-device",
		"virtio-blk-pci,drive=disc,serial=disc",
	};
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(argv, g_strdup(program));
	add_words(argv, words, G_N_ELEMENTS(words));
	add_option(argv, "-machine", g_strdup(processor->machine));
	add_option(argv, "-append",
		   g_strdup_printf("console=%s %s", processor->console, kernel_words));
	add_option(argv, "-m", g_strdup_printf("%" G_GUINT64_FORMAT, memory >> 20));
	for (guint i = 0; i < count; i++)
		add_disk(argv, i);
	g_ptr_array_add(argv, NULL);
	return argv;
}

VkSandboxed *vk_qemu_start(const VkProcessor *processor, const char *root, guint count,
			   guint64 memory, GError **error)
{
	const char *program = find_program(processor);
	g_autoptr(GPtrArray) argv = NULL;
	g_auto(VkKernel) kernel = {0};
	VK_AUTOFD copy = -1;
	VK_AUTOFD initrd = -1;
	VK_AUTOFD disc = -1;

	if (!program) {
		vk_fail(error, VK_ERROR_NOT_FOUND,
			"QEMU is not installed: install the package '%s'", processor->qemu_package);
		return NULL;
	}
	if (!vk_kernel_find(root, &kernel, error))
		return NULL;
	/* Who names a directory has put that kernel there. */
	if (kernel.forbidden && strcmp(root, VK_KERNEL_HOST_ROOT) != 0)
		vk_log_warning("this user may not read the newest kernel, '%s', and '%s' is taken",
			       kernel.forbidden, kernel.path);
	copy = copy_kernel(kernel.path, error);
	initrd = copy < 0 ? -1 : make_initrd(kernel.modules, error);
	disc = initrd < 0 ? -1 : make_disc(kernel.modules, error);
	if (disc < 0)
		return NULL;
	argv = make_command(processor, program, count, memory);
	return vk_sandboxed_start((const char *const *)argv->pdata,
				  &(VkSandboxedFiles){initrd, copy, disc}, TMP_BYTES, error);
}
