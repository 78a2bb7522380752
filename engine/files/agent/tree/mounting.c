/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounting.h"

#include "action.h"
#include "identity.h"
#include "kernel-log.h"
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME)

/* Of all volumes and subvolumes. */
#define MOUNTS_MAX 4096

/* Types by blkid's names, and the options that each of them needs. */
static const struct Type {
	const char *name;
	const char *options;
	const char *kernel_name; /* NULL: a program mounts it */
	const char *program;
	const char *package; /* that has the program */
} types[] = {
	/* Whatever the superblock says: damage must not end the appliance. */
	{"ext2", "errors=continue", "ext4"},
	{"ext3", "errors=continue", "ext4"},
	{"ext4", "errors=continue", "ext4"},
	/* A clone beside its original has the same UUID. */
	{"xfs", "nouuid", "xfs"},
	{"btrfs", "", "btrfs"},
	{"vfat", "utf8=1,shortname=mixed", "vfat"},
	{"iso9660", "utf8", "iso9660"},
	{"udf", "", "udf"},
	{"squashfs", "", "squashfs"},
	{"jfs", "", "jfs"},
	{"reiserfs", "", "reiserfs"},
	/* Without "ro" it says when Windows has not written all, and then takes "ro" itself. */
	{"ntfs", "noatime,streams_interface=none", NULL, "/usr/bin/ntfs-3g", "ntfs-3g"},
	{"exfat", "ro,noatime", NULL, "/usr/sbin/mount.exfat-fuse", "exfat-fuse"},
};

/* What was mounted, at the place with the number of its index. */
static struct Mounted {
	const AgentVolume *volume; /* NULL: it was released */
	char subvolume[256];       /* "" for none */
	dev_t device;              /* of its top directory */
} mounts[MOUNTS_MAX];
static size_t mount_count;

/* What the kernel said of the last mount; "": nothing. */
static char words[256];

static const struct Type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

typedef struct Mount {
	const struct Type *type;
	const char *device;
	char place[64], options[512];
} Mount;

/* 0, or an errno. */
static int mount_by_kernel(void *data)
{
	const Mount *wanted = data;

	return mount(wanted->device, wanted->place, wanted->type->kernel_name, FLAGS,
		     wanted->options) < 0
		       ? errno
		       : 0;
}

static int mount_by_program(AgentVolume *volume, const Mount *wanted)
{
	const char *const argv[] = {wanted->type->program, "-o",          wanted->options,
				    wanted->device,        wanted->place, NULL};
	static AgentOutput output;

	if (access(wanted->type->program, X_OK) < 0)
		return ENOPKG;
	agent_modules_load("fuse");
	if (agent_run(argv, (VkBytes){0}, &output) != 0)
		return EUCLEAN;
	if (strstr(output.words, "read-only"))
		snprintf(volume->note, sizeof(volume->note),
			 "Windows was hibernated or not shut down: its newest writes may be "
			 "missing");
	return mount(NULL, wanted->place, NULL, MS_REMOUNT | MS_BIND | FLAGS, NULL) < 0 ? errno : 0;
}

/* 0, or an errno. */
static int mount_volume(AgentVolume *volume, Mount *wanted, const char *subvolume)
{
	size_t used;
	int trouble;

	words[0] = '\0';
	if (wanted->type->program)
		return mount_by_program(volume, wanted);
	agent_kernel_log_clear();
	trouble = agent_act(mount_by_kernel, wanted);
	if (trouble)
		agent_kernel_log_trouble(words, sizeof(words));
	if (trouble == 0 || strcmp(volume->type, "btrfs") != 0 || (*subvolume && trouble == ENOENT))
		return trouble;
	used = strlen(wanted->options);
	snprintf(wanted->options + used, sizeof(wanted->options) - used, "%sdegraded",
		 used ? "," : "");
	if (agent_act(mount_by_kernel, wanted) != 0) {
		volume->incomplete = true;
		return trouble;
	}
	snprintf(volume->note, sizeof(volume->note), "one of its devices is missing");
	return 0;
}

static void explain(AgentVolume *volume, const struct Type *type, int trouble)
{
	const char *reason = strerror(trouble), *release = "";
	struct utsname name;

	if (trouble == ENOPKG) {
		snprintf(volume->state, sizeof(volume->state),
			 "%s is not read without the package '%s': install it", type->name,
			 type->package);
		return;
	}
	uname(&name);
	if (volume->incomplete) {
		reason = "the file system is damaged, or devices of it are missing";
	} else if (trouble == EUCLEAN || trouble == EINVAL) {
		reason = "the file system is damaged, or newer than the appliance's Linux ";
		release = name.release;
	} else if (trouble == ENODEV) {
		reason = "this type is not known to the appliance's Linux ";
		release = name.release;
	}
	snprintf(volume->state, sizeof(volume->state), "%s%s%s%s", reason, release,
		 *words ? ": " : "", words);
}

/* The place of what is mounted already, or -1. */
static int find_mounted(const AgentVolume *volume, const char *subvolume)
{
	for (size_t i = 0; i < mount_count; i++)
		if (mounts[i].volume == volume && strcmp(mounts[i].subvolume, subvolume) == 0)
			return (int)i;
	return -1;
}

static void place_of(size_t number, char *place, size_t size)
{
	snprintf(place, size, "/volumes/%zu", number);
}

static int open_place(size_t number)
{
	char place[64];

	place_of(number, place, sizeof(place));
	return open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Whether the same btrfs is on another disk, and mounted: the kernel would mix the two. */
static const AgentVolume *find_copy(const AgentVolume *volume)
{
	for (size_t i = 0; volume->copied && i < mount_count; i++) {
		const AgentVolume *other = mounts[i].volume;

		if (other && other != volume && other->copied &&
		    strcmp(other->uuid, volume->uuid) == 0)
			return other;
	}
	return NULL;
}

/* The kernel takes a device that it has seen for all others with the same btrfs. */
static void forget_devices(void)
{
	struct btrfs_ioctl_vol_args all = {0};
	int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);

	if (control < 0 || ioctl(control, BTRFS_IOC_FORGET_DEV, &all) < 0)
		perror("/dev/btrfs-control");
	if (control >= 0)
		close(control);
}

void agent_mount_release(const AgentVolume *volume)
{
	char place[64];

	for (size_t i = 0; volume->copied && i < mount_count; i++) {
		if (mounts[i].volume != volume)
			continue;
		place_of(i, place, sizeof(place));
		if (umount2(place, 0) < 0)
			continue;
		mounts[i].volume = NULL;
		agent_identity_clear();
	}
}

uint64_t agent_mount_number(dev_t device)
{
	for (size_t i = 0; i < mount_count; i++)
		if (mounts[i].volume && mounts[i].device == device)
			return (uint64_t)(mounts[i].volume - agent_volume(0)) + 1;
	return 0;
}

/* The next place is that of the volume now. Opens it. */
static int enter(const AgentVolume *volume, const char *subvolume)
{
	struct Mounted *mounted = &mounts[mount_count];
	int fd = open_place(mount_count++);
	struct stat st = {0};

	fstat(fd, &st);
	*mounted = (struct Mounted){.volume = volume, .device = st.st_dev};
	snprintf(mounted->subvolume, sizeof(mounted->subvolume), "%s", subvolume);
	return fd;
}

/* Mounts what was not mounted yet. */
static int mount_new(AgentVolume *volume, const struct Type *type, const char *subvolume)
{
	const AgentVolume *copy = find_copy(volume);
	Mount wanted = {.type = type, .device = volume->device};
	int trouble;

	if (mount_count == MOUNTS_MAX || strlen(subvolume) >= sizeof(mounts->subvolume)) {
		snprintf(volume->state, sizeof(volume->state), "too much is mounted");
		return -1;
	}
	if (copy) {
		snprintf(volume->state, sizeof(volume->state),
			 "'%.200s' is a copy of this btrfs and is read: name this one in a command "
			 "of its own",
			 copy->name);
		return -1;
	}
	if (volume->copied)
		forget_devices();
	place_of(mount_count, wanted.place, sizeof(wanted.place));
	mkdir("/volumes", 0700);
	mkdir(wanted.place, 0700);
	snprintf(wanted.options, sizeof(wanted.options), "%s%s%s", type->options,
		 *subvolume ? "subvol=/" : "", subvolume);
	trouble = mount_volume(volume, &wanted, subvolume);
	if (trouble) {
		explain(volume, type, trouble);
		return -1;
	}
	return enter(volume, subvolume);
}

int agent_mount(AgentVolume *volume, const char *subvolume)
{
	const struct Type *type = find_type(volume->type);
	int place;

	if (!type || volume->incomplete || volume->shared) {
		if (!*volume->state)
			snprintf(volume->state, sizeof(volume->state), "%s",
				 *volume->type ? "this type is not read" : "nothing recognised");
		return -1;
	}
	if (!subvolume)
		subvolume = "";
	/* The kernel takes a comma for the end of an option. */
	if (*subvolume && (strcmp(volume->type, "btrfs") != 0 || strchr(subvolume, ','))) {
		snprintf(volume->state, sizeof(volume->state), "it has no such subvolume");
		return -1;
	}
	place = find_mounted(volume, subvolume);
	return place >= 0 ? open_place((size_t)place) : mount_new(volume, type, subvolume);
}
