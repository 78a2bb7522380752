/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform.h"

#include "channel.h"
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Of QEMU: modules for the disc, and what the disc has. */
#define MODULES "/modules"
#define DISC    "/disc"
#define SERIAL  "/sys/block/vd%c/serial"

/* Until the port is there. */
#define TRIES_MAX 1000
#define TRY_NSEC  10000000

static bool is_qemu(void)
{
	return access(MODULES, F_OK) == 0;
}

static void load_drivers(void)
{
	static const char *const names[] = {"virtio_pci", "virtio_console", "virtio_blk", "isofs"};

	/* Each may be a part of the kernel. */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		agent_modules_load(names[i]);
}

/* Whether the block device /dev/vdLETTER has that serial number. */
static bool has_serial(char letter, const char *serial)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), SERIAL, letter);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = '\0';
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, serial) == 0;
}

static bool find_serial(const char *serial, char *ret, size_t size)
{
	for (int letter = 'a'; letter <= 'z'; letter++) {
		if (!has_serial((char)letter, serial))
			continue;
		snprintf(ret, size, "vd%c", (char)letter);
		return true;
	}
	return false;
}

/* Programs and modules, which are read when they are used. Nothing can be read without them. */
static void mount_disc(void)
{
	char name[16], device[32];

	mkdir(DISC, 0755);
	errno = ENODEV;
	if (find_serial("disc", name, sizeof(name))) {
		snprintf(device, sizeof(device), "/dev/%s", name);
		if (mount(device, DISC, "iso9660", MS_RDONLY | MS_NODEV | MS_NOSUID, NULL) == 0 &&
		    symlink(DISC "/usr", "/usr") == 0)
			return;
	}
	fprintf(stderr,
		"cannot mount the disc with programs and modules of the host, which takes isofs: "
		"%s\n",
		strerror(errno));
	agent_power_off();
}

static void mount_host(void)
{
	mkdir("/usr", 0755);
	if (mount("none", "/usr", "hostfs", MS_RDONLY | MS_NODEV | MS_NOSUID, "/usr") < 0)
		fprintf(stderr, "cannot see the host's programs: %s\n", strerror(errno));
}

void agent_platform_set_up(void)
{
	static const char *const links[][2] = {
		{"usr/bin", "/bin"},
		{"usr/lib", "/lib"},
		{"usr/lib64", "/lib64"},
		/* The kernel calls it for a module, and so does LVM. */
		{"/init", "/sbin/modprobe"},
	};

	mkdir("/sbin", 0755);
	if (is_qemu()) {
		load_drivers();
		mount_disc();
	} else {
		mount_host();
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			fprintf(stderr, "cannot make '%s': %s\n", links[i][1], strerror(errno));
}

void agent_platform_modules(char *ret, size_t size)
{
	struct utsname name;

	uname(&name);
	if (!is_qemu())
		snprintf(ret, size, "/usr/lib/uml/modules/%s", name.release);
	else if (access(DISC MODULES, F_OK) == 0)
		snprintf(ret, size, "%s", DISC MODULES);
	else
		snprintf(ret, size, "%s", MODULES);
}

/* The terminal carries bytes as they are. */
static int open_terminal(const char *device)
{
	int fd = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;

	if (fd < 0 || tcgetattr(fd, &mode) < 0)
		return -1;
	cfmakeraw(&mode);
	return tcsetattr(fd, TCSANOW, &mode) == 0 ? fd : -1;
}

/* It has one, which appears when the driver has talked with QEMU. */
static int open_port(void)
{
	static const struct timespec pause = {.tv_nsec = TRY_NSEC};
	int fd = -1;

	for (unsigned tries = 0; fd < 0 && tries < TRIES_MAX; tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		fd = open("/dev/vport0p1", O_RDWR | O_CLOEXEC);
	}
	return fd;
}

int agent_platform_open_channel(void)
{
	return is_qemu() ? open_port() : open_terminal("/dev/tty1");
}

bool agent_platform_find_disk(size_t number, char *ret, size_t size)
{
	char serial[24];

	if (!is_qemu()) {
		snprintf(ret, size, "ubd%c", (char)('a' + number));
		return true;
	}
	snprintf(serial, sizeof(serial), "%zu", number);
	return find_serial(serial, ret, size);
}
