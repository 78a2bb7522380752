/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform.h"

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

/* Of QEMU. */
#define MODULES "/modules"
#define PORTS   "/sys/class/virtio-ports"
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
	static const char *const names[] = {"virtio_pci", "virtio_console", "virtio_blk"};

	/* Each may be a part of the kernel. */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		agent_modules_load(names[i]);
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

	mkdir("/usr", 0755);
	mkdir("/sbin", 0755);
	if (!is_qemu() &&
	    mount("none", "/usr", "hostfs", MS_RDONLY | MS_NODEV | MS_NOSUID, "/usr") < 0)
		fprintf(stderr, "cannot see the host's programs: %s\n", strerror(errno));
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			fprintf(stderr, "cannot make '%s': %s\n", links[i][1], strerror(errno));
	if (is_qemu())
		load_drivers();
}

void agent_platform_modules(char *ret, size_t size)
{
	struct utsname name;

	uname(&name);
	if (is_qemu())
		snprintf(ret, size, "%s", MODULES);
	else
		snprintf(ret, size, "/usr/lib/uml/modules/%s", name.release);
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

/* The serial number of the block device /dev/vdX; -1: there is none. */
static long read_serial(char letter)
{
	char path[64], text[32] = "";
	long number;
	char *end;
	int fd;

	snprintf(path, sizeof(path), SERIAL, letter);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = '\0';
	close(fd);
	number = strtol(text, &end, 10);
	return end == text ? -1 : number;
}

bool agent_platform_find_disk(size_t number, char *ret, size_t size)
{
	if (!is_qemu()) {
		snprintf(ret, size, "ubd%c", (char)('a' + number));
		return true;
	}
	for (int letter = 'a'; letter <= 'z'; letter++) {
		if (read_serial((char)letter) != (long)number)
			continue;
		snprintf(ret, size, "vd%c", (char)letter);
		return true;
	}
	return false;
}
