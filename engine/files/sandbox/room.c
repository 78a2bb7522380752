/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Covered by the new root while that is made. */
#define STAGE "/tmp"

void sandbox_die(const char *action)
{
	fprintf(stderr, "virtkeep-sandbox: %s: %s\n", action, strerror(errno));
	exit(125);
}

static void mount_tmpfs(const char *path, const char *options)
{
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		sandbox_die("cannot mount a tmpfs");
}

static void restrict_mount(const char *path, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		sandbox_die("cannot restrict a mount");
}

static void bind(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		sandbox_die(from);
}

static void bind_read_only(const char *from, const char *to)
{
	if (mkdir(to, 0755) < 0)
		sandbox_die(to);
	bind(from, to);
	restrict_mount(to, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* /lib and the like lead into /usr on most hosts. */
static void show_libraries(const char *name)
{
	char from[32], to[64], target[256];
	ssize_t length;
	struct stat st;

	snprintf(from, sizeof(from), "/%s", name);
	snprintf(to, sizeof(to), STAGE "/%s", name);
	if (lstat(from, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		bind_read_only(from, to);
		return;
	}
	length = readlink(from, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	if (symlink(target, to) < 0)
		sandbox_die(to);
}

static void make_null(void)
{
	int fd = -1;

	if (mkdir(STAGE "/dev", 0755) == 0)
		fd = open(STAGE "/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		sandbox_die("cannot make /dev/null");
	close(fd);
	bind("/dev/null", STAGE "/dev/null");
}

static void make_tmp(uint64_t bytes)
{
	char options[64];

	if (mkdir(STAGE "/tmp", 0755) < 0)
		sandbox_die("cannot make /tmp");
	snprintf(options, sizeof(options), "mode=1777,size=%" PRIu64, bytes);
	mount_tmpfs(STAGE "/tmp", options);
}

static int mount_disks(uid_t owner, gid_t group)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		sandbox_die("cannot open '/dev/fuse'");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd, owner,
		 group);
	if (mkdir(STAGE SANDBOX_DISKS, 0755) < 0 ||
	    mount("virtkeep", STAGE SANDBOX_DISKS, "fuse", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  options) < 0)
		sandbox_die("cannot mount the disks");
	return fd;
}

/* The old root goes away with its last mount. */
static void enter(void)
{
	if (chdir(STAGE) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		sandbox_die("cannot enter the new root");
}

int sandbox_room_make(uint64_t tmp_bytes, uid_t owner, gid_t group)
{
	static const char *const libraries[] = {"bin", "lib", "lib32", "lib64", "libx32"};
	struct mount_attr root = {.attr_set = MOUNT_ATTR_RDONLY};
	int disks;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		sandbox_die("cannot leave the host's mounts");
	mount_tmpfs(STAGE, "mode=755,size=1m");
	bind_read_only("/usr", STAGE "/usr");
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++)
		show_libraries(libraries[i]);
	make_null();
	make_tmp(tmp_bytes);
	disks = mount_disks(owner, group);
	if (mkdir(STAGE "/proc", 0755) < 0 ||
	    mount("proc", STAGE "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		sandbox_die("cannot mount /proc");
	enter();
	if (mount_setattr(AT_FDCWD, "/", 0, &root, sizeof(root)) < 0)
		sandbox_die("cannot make the root read-only");
	return disks;
}
