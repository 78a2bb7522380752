/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NTFS_PROGRAM "/bin/ntfs-3g"

/* Types by blkid's names, and the options that each of them needs. */
static const struct Type {
	const char *name;
	const char *options;
	const char *program; /* NULL: the kernel mounts it */
	const char *kernel_name;
} types[] = {
	{"ext2", "", NULL, "ext4"},
	{"ext3", "", NULL, "ext4"},
	{"ext4", "", NULL, "ext4"},
	/* A clone beside its original has the same UUID. */
	{"xfs", "nouuid", NULL, "xfs"},
	{"btrfs", "", NULL, "btrfs"},
	{"vfat", "utf8=1,shortname=mixed", NULL, "vfat"},
	{"iso9660", "utf8", NULL, "iso9660"},
	{"udf", "", NULL, "udf"},
	{"squashfs", "", NULL, "squashfs"},
	{"jfs", "", NULL, "jfs"},
	{"reiserfs", "", NULL, "reiserfs"},
	{"ntfs", "ro,noatime,streams_interface=none", NTFS_PROGRAM, NULL},
};

static const struct Type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

/* Runs a program and waits for it. 0 when it succeeded. */
static int run(const char *const *argv)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0, or an errno. */
static int mount_device(const struct Type *type, const char *device, const char *place,
			const char *options)
{
	const char *const argv[] = {type->program, "-o", options, device, place, NULL};

	if (!type->program)
		return mount(device, place, type->kernel_name,
			     MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, options) < 0
			       ? errno
			       : 0;
	if (access(type->program, X_OK) < 0)
		return ENOPKG;
	return run(argv) == 0 ? 0 : EUCLEAN;
}

static void explain(AgentVolume *volume, int trouble)
{
	const char *reason = strerror(trouble);

	if (trouble == ENOPKG)
		reason = "ntfs-3g is not installed on this host";
	else if (trouble == ENODEV)
		reason = "the appliance's kernel does not know this type";
	else if (trouble == EUCLEAN || trouble == EINVAL)
		reason = "the file system is damaged, or newer than the appliance";
	snprintf(volume->state, sizeof(volume->state), "%s", reason);
}

/* Makes the directory to mount at, whose name has no slash of a subvolume in it. */
static void make_place(char *place, size_t size, const AgentVolume *volume, const char *subvolume)
{
	size_t start;

	mkdir("/volumes", 0700);
	snprintf(place, size, "/volumes/%s%s%s", volume->name, subvolume ? "@" : "",
		 subvolume ? subvolume : "");
	start = strlen("/volumes/");
	for (char *at = place + start; *at; at++)
		if (*at == '/')
			*at = '!';
	mkdir(place, 0700);
}

int agent_mount(AgentVolume *volume, const char *subvolume)
{
	const struct Type *type = find_type(volume->type);
	char place[512], options[512];
	struct stat before, after;
	int trouble;

	if (!type) {
		if (!*volume->state)
			snprintf(volume->state, sizeof(volume->state), "%s",
				 *volume->type ? "this type is not read" : "nothing recognised");
		return -1;
	}
	if (subvolume && (strcmp(volume->type, "btrfs") != 0 || strchr(subvolume, ','))) {
		snprintf(volume->state, sizeof(volume->state), "it has no such subvolume");
		return -1;
	}
	make_place(place, sizeof(place), volume, subvolume);
	snprintf(options, sizeof(options), "%s%s%s", type->options, subvolume ? "subvol=/" : "",
		 subvolume ? subvolume : "");
	if (stat("/volumes", &before) == 0 && stat(place, &after) == 0 &&
	    before.st_dev == after.st_dev) {
		trouble = mount_device(type, volume->device, place, options);
		if (trouble) {
			explain(volume, subvolume && trouble == ENOENT ? ENOENT : trouble);
			return -1;
		}
	}
	return open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
}
