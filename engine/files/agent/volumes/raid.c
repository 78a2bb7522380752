/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "raid.h"

#include "disks.h"
#include "modules.h"
#include "volumes.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MEMBER "linux_raid_member"

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
}

/* Opens the array NUMBER, which need not exist. A descriptor, or -1. */
static int open_array(unsigned number)
{
	char device[32];

	if (number == 0) {
		agent_modules_load("md-mod");
		/* An array is in sync until it is written to, and may lack a member after a crash.
		 */
		write_text("/sys/module/md_mod/parameters/start_ro", "1");
		write_text("/sys/module/md_mod/parameters/start_dirty_degraded", "1");
	}
	snprintf(device, sizeof(device), "/dev/md%u", number);
	mknod(device, S_IFBLK | 0600, makedev(MD_MAJOR, number));
	return open(device, O_RDWR | O_CLOEXEC);
}

/* Of a superblock 0.90, which blkid does not tell: which member it is of. */
static void read_member_0(AgentVolume *member)
{
	static mdp_super_t block;
	int fd = open(member->device, O_RDONLY | O_CLOEXEC);
	uint64_t sectors = MD_NEW_SIZE_SECTORS(member->size / 512);

	if (fd >= 0 && pread(fd, &block, sizeof(block), (off_t)(sectors * 512)) == sizeof(block))
		snprintf(member->member_uuid, sizeof(member->member_uuid), "%" PRIu32,
			 block.this_disk.number);
	if (fd >= 0)
		close(fd);
}

static bool is_of(const AgentVolume *volume, const AgentVolume *member)
{
	return strcmp(volume->type, MEMBER) == 0 && strcmp(volume->uuid, member->uuid) == 0;
}

/* The members of the array of MEMBER have numbers of their own. */
static void know_members(const AgentVolume *member)
{
	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		if (is_of(volume, member) && strncmp(volume->version, "0.", 2) == 0)
			read_member_0(volume);
	}
}

/* Whether a member of the array is there twice. */
static bool has_copies(const AgentVolume *member)
{
	for (size_t i = 0; i < agent_volume_count(); i++)
		for (size_t j = 0; j < i; j++)
			if (is_of(agent_volume(i), member) && is_of(agent_volume(j), member) &&
			    strcmp(agent_volume(i)->member_uuid, agent_volume(j)->member_uuid) == 0)
				return true;
	return false;
}

/* Nobody knows which members belong together. */
static void refuse_copies(const AgentVolume *member)
{
	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		if (!is_of(volume, member))
			continue;
		volume->used = true;
		snprintf(volume->state, sizeof(volume->state),
			 "a member of an array that is on the disks twice: neither is read");
	}
}

/* Gives the array all members that have the UUID of MEMBER. */
static void add_members(int array, const AgentVolume *member)
{
	mdu_array_info_t info = {0};

	/* "1.2", "0.90.0" */
	if (sscanf(member->version, "%d.%d", &info.major_version, &info.minor_version) != 2 ||
	    ioctl(array, SET_ARRAY_INFO, &info) < 0)
		return;
	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);
		mdu_disk_info_t disk = {0};
		struct stat st;

		if (!is_of(volume, member) || stat(volume->device, &st) < 0)
			continue;
		volume->used = true;
		snprintf(volume->state, sizeof(volume->state), "a member of an array");
		disk.major = (int)major(st.st_rdev);
		disk.minor = (int)minor(st.st_rdev);
		if (ioctl(array, ADD_NEW_DISK, &disk) < 0)
			snprintf(volume->state, sizeof(volume->state),
				 "the array does not take it: %s", strerror(errno));
	}
}

/* Another array has the name: the guest may mean either by it. */
static void part_names(unsigned number, char *name, size_t size)
{
	size_t length = strlen(name);
	bool taken = false;

	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		const char *rest = volume->name + length;

		if (strncmp(volume->name, name, length) != 0 ||
		    (*rest && !(*rest == 'p' && isdigit((unsigned char)rest[1]))))
			continue;
		volume->ambiguous = taken = true;
	}
	if (taken)
		snprintf(name + length, size - length, "~%u", number);
}

/* The name by which people call the array NUMBER: "md0", "md/data". */
static void name_array(const AgentVolume *member, unsigned number, char *ret, size_t size)
{
	const char *colon = strchr(member->label, ':');
	const char *name = colon ? colon + 1 : member->label;

	if (!*name || strchr(name, '/'))
		snprintf(ret, size, "md%u", number);
	else if (strspn(name, "0123456789") == strlen(name))
		snprintf(ret, size, "md%.16s", name);
	else
		snprintf(ret, size, "md/%.200s", name);
	part_names(number, ret, size);
}

static void start_array(int array, const char *name, unsigned number)
{
	char node[16], device[32], path[64];
	mdu_array_info_t info = {0};
	AgentVolume *volume;
	bool runs = ioctl(array, RUN_ARRAY, NULL) == 0;

	snprintf(node, sizeof(node), "md%u", number);
	snprintf(device, sizeof(device), "/dev/%s", node);
	snprintf(path, sizeof(path), "/sys/block/%s/md/sync_action", node);
	if (runs)
		write_text(path, "frozen");
	/* The first to open it has its partitions looked for. */
	close(array);
	volume = agent_volume_add(name, device);
	if (!volume)
		return;
	if (!runs) {
		*volume->type = '\0';
		volume->incomplete = true;
		snprintf(volume->state, sizeof(volume->state),
			 "too many members of the array are missing");
		return;
	}
	array = open(device, O_RDONLY | O_CLOEXEC);
	if (ioctl(array, GET_ARRAY_INFO, &info) == 0 && info.active_disks < info.raid_disks)
		snprintf(volume->note, sizeof(volume->note),
			 "%d of %d members of the array are there", info.active_disks,
			 info.raid_disks);
	close(array);
	if (volume->divided)
		agent_volumes_cut(agent_volume_count() - 1);
	agent_disks_add_partitions(name, node);
}

void agent_raid_assemble(void)
{
	static unsigned number;

	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);
		char name[sizeof(volume->name)];
		int array;

		if (volume->used || strcmp(volume->type, MEMBER) != 0)
			continue;
		volume->used = true;
		know_members(volume);
		if (has_copies(volume)) {
			refuse_copies(volume);
			continue;
		}
		array = open_array(number);
		if (array < 0) {
			snprintf(volume->state, sizeof(volume->state), "no array can be made: %s",
				 strerror(errno));
			continue;
		}
		name_array(volume, number, name, sizeof(name));
		add_members(array, volume);
		start_array(array, name, number);
		number++;
	}
}
