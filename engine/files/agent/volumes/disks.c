/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disks.h"

#include "channel.h"
#include "crypt.h"
#include "lvm.h"
#include "modules.h"
#include "platform.h"
#include "raid.h"
#include "volumes.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Of a disk that does not have those of 512 bytes, which the kernel takes it to have. */
#define LARGE_SECTOR 4096

/* Volumes lie on arrays on volumes, and so on. */
#define ROUNDS_MAX 8

/* 0 when the file is not there. */
static uint64_t read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%llu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static int compare_numbers(const void *left, const void *right)
{
	unsigned a = *(const unsigned *)left, b = *(const unsigned *)right;

	return (a > b) - (a < b);
}

/* The numbers of the partitions of the device NODE, in order. Returns how many. */
static size_t list_partitions(const char *node, unsigned *numbers, size_t max)
{
	char path[128];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/block/%s", node);
	directory = opendir(path);
	if (!directory)
		return 0;
	while (count < max && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, node, strlen(node)) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/%.32s/partition", node, entry->d_name);
		numbers[count] = (unsigned)read_number(path);
		count += numbers[count] > 0;
	}
	if (count == max)
		agent_volumes_leave_out();
	closedir(directory);
	qsort(numbers, count, sizeof(*numbers), compare_numbers);
	return count;
}

/* Partition N of vda is vda1, of nvme0n1 it is nvme0n1p1. */
static const char *partition_mark(const char *disk)
{
	size_t length = strlen(disk);

	return length && isdigit((unsigned char)disk[length - 1]) ? "p" : "";
}

void agent_disks_add_partitions(const char *disk, const char *node)
{
	unsigned numbers[256];
	size_t count = list_partitions(node, numbers, 256);
	char path[128], name[264], device[64];

	for (size_t i = 0; i < count; i++) {
		const char *mark = partition_mark(node);

		snprintf(path, sizeof(path), "/sys/block/%s/%s%s%u/size", node, node, mark,
			 numbers[i]);
		snprintf(name, sizeof(name), "%.240s%s%u", disk, partition_mark(disk), numbers[i]);
		snprintf(device, sizeof(device), "/dev/%s%s%u", node, mark, numbers[i]);
		/* An extended partition of two sectors holds the others. */
		if (read_number(path) > 2)
			agent_volume_add(name, device);
	}
}

/* Adds the disk, if it is a volume itself, and its partitions. Whether it has a table of them. */
static bool find_on_disk(const char *disk, const char *node)
{
	char device[64];
	AgentVolume *volume;
	bool divided;

	snprintf(device, sizeof(device), "/dev/%s", node);
	volume = agent_volume_add(disk, device);
	divided = volume && volume->divided;
	if (divided)
		agent_volumes_cut(agent_volume_count() - 1);
	agent_disks_add_partitions(disk, node);
	return divided;
}

/* How many volumes behind the first FROM are recognised. */
static size_t count_recognised(size_t from)
{
	size_t count = 0;

	for (size_t i = from; i < agent_volume_count(); i++)
		count += *agent_volume(i)->type != '\0';
	return count;
}

/* Shows DEVICE as a device with large sectors. Its node, or NULL. */
static const char *show_large_sectors(const char *device)
{
	static char node[32];
	int control, disk, loop = -1, number = -1;
	struct loop_config config = {.block_size = LARGE_SECTOR,
				     .info.lo_flags = LO_FLAGS_PARTSCAN};

	agent_modules_load("loop");
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	disk = open(device, O_RDWR | O_CLOEXEC);
	if (control >= 0 && disk >= 0)
		number = ioctl(control, LOOP_CTL_GET_FREE);
	snprintf(node, sizeof(node), "/dev/loop%d", number);
	if (number >= 0)
		loop = open(node, O_RDWR | O_CLOEXEC);
	config.fd = (uint32_t)disk;
	number = loop < 0 ? -1 : ioctl(loop, LOOP_CONFIGURE, &config);
	close(control);
	close(disk);
	close(loop);
	return number < 0 ? NULL : node + strlen("/dev/");
}

/*
 * The tables of partitions do not say how long the sectors are in which they count. If they are not
 * those that the kernel takes them for, nothing is found where the partitions seem to be.
 */
static void find_with_any_sectors(const char *disk, const char *node)
{
	size_t before = agent_volume_count(), count;
	char device[64];

	if (!find_on_disk(disk, node) || count_recognised(before) > 0)
		return;
	snprintf(device, sizeof(device), "/dev/%s", node);
	node = show_large_sectors(device);
	if (!node)
		return;
	count = agent_volume_count();
	agent_disks_add_partitions(disk, node);
	if (count_recognised(count) > 0) {
		agent_volumes_cut(before);
		agent_disks_add_partitions(disk, node);
	} else {
		agent_volumes_cut(count);
	}
}

/* A btrfs of which a device is on several disks. */
typedef struct Copies {
	size_t devices; /* different ones */
	size_t others;  /* that are there again */
} Copies;

static bool is_of(const AgentVolume *volume, const AgentVolume *one)
{
	return strcmp(volume->type, "btrfs") == 0 && strcmp(volume->uuid, one->uuid) == 0;
}

/* Counts the devices of the btrfs that ONE is of. */
static Copies count_copies(const AgentVolume *one)
{
	Copies copies = {0};

	for (size_t i = 0; i < agent_volume_count(); i++) {
		const AgentVolume *volume = agent_volume(i);
		bool again = false;

		if (!is_of(volume, one))
			continue;
		for (size_t j = 0; j < i && !again; j++)
			again = is_of(agent_volume(j), one) &&
				strcmp(agent_volume(j)->member_uuid, volume->member_uuid) == 0;
		copies.devices += !again;
		copies.others += again;
	}
	return copies;
}

/*
 * The kernel would put a btrfs together of the devices of two. One that has a single device can be
 * read if its copies are not mounted at the same time; of others it is not known which belong
 * together.
 */
static void part_copies(const AgentVolume *one, bool single)
{
	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		if (!is_of(volume, one))
			continue;
		volume->copied = true;
		if (single)
			continue;
		volume->shared = true;
		snprintf(volume->state, sizeof(volume->state),
			 "a part of a btrfs that is on the disks twice: neither is read");
	}
}

static void scan_btrfs(int control, const AgentVolume *volume)
{
	struct btrfs_ioctl_vol_args args = {0};

	snprintf(args.name, sizeof(args.name), "%s", volume->device);
	if (ioctl(control, BTRFS_IOC_SCAN_DEV, &args) < 0)
		perror(volume->device);
}

/* Tells the kernel of the other devices of a btrfs that begins on FIRST. */
static void gather_btrfs_on(int control, size_t first)
{
	const AgentVolume *one = agent_volume(first);
	bool several = false;

	for (size_t i = first + 1; i < agent_volume_count(); i++) {
		AgentVolume *other = agent_volume(i);

		if (other->shared || !is_of(other, one))
			continue;
		several = other->shared = true;
		snprintf(other->state, sizeof(other->state), "a part of the btrfs '%.64s'",
			 one->name);
		scan_btrfs(control, other);
	}
	if (several)
		scan_btrfs(control, one);
}

static void gather_btrfs_from(int control, size_t first)
{
	const AgentVolume *one = agent_volume(first);
	Copies copies = count_copies(one);

	if (copies.others > 0)
		part_copies(one, copies.devices == 1);
	else
		gather_btrfs_on(control, first);
}

/* Where btrfs is a module, the device is there only with it. */
static int open_btrfs_control(void)
{
	for (size_t i = 0; i < agent_volume_count(); i++) {
		if (strcmp(agent_volume(i)->type, "btrfs") != 0)
			continue;
		agent_modules_load("btrfs");
		return open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	}
	return -1;
}

static void gather_btrfs(void)
{
	int control = open_btrfs_control();

	for (size_t i = 0; control >= 0 && i < agent_volume_count(); i++)
		if (strcmp(agent_volume(i)->type, "btrfs") == 0 && !agent_volume(i)->shared &&
		    !agent_volume(i)->copied)
			gather_btrfs_from(control, i);
	if (control >= 0)
		close(control);
}

void agent_disks_assemble(void)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		size_t before = agent_volume_count();

		agent_raid_assemble();
		agent_lvm_activate();
		if (agent_volume_count() == before)
			break;
	}
	gather_btrfs();
	for (size_t i = 0; i < agent_volume_count(); i++)
		agent_crypt_is_locked(agent_volume(i));
}

void agent_disks_find(char *const *names, size_t count)
{
	agent_volumes_cut(0);
	for (size_t i = 0; i < count; i++) {
		size_t before = agent_volume_count();
		char node[16];

		/* Another disk in its place would be a wrong answer. */
		if (!agent_platform_find_disk(i, node, sizeof(node)))
			agent_power_off();
		find_with_any_sectors(names[i], node);
		for (size_t j = before; j < agent_volume_count(); j++)
			agent_volume(j)->disk = (unsigned)i + 1;
	}
	agent_disks_assemble();
}
