/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volumes.h"

#include <blkid.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static AgentVolume volumes[AGENT_VOLUMES_MAX];
static size_t volume_count;

size_t agent_volume_count(void)
{
	return volume_count;
}

AgentVolume *agent_volume(size_t index)
{
	return &volumes[index];
}

AgentVolume *agent_volume_named(const char *name)
{
	for (size_t i = 0; i < volume_count; i++)
		if (strcmp(volumes[i].name, name) == 0)
			return &volumes[i];
	return NULL;
}

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

static void take_value(blkid_probe probe, const char *name, char *ret, size_t size)
{
	const char *value;

	if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0)
		snprintf(ret, size, "%s", value);
}

/* Whether the device is divided, and has no superblock for itself. */
static bool probe_device(AgentVolume *volume)
{
	blkid_probe probe = blkid_new_probe_from_filename(volume->device);
	const char *table = NULL;
	int result;

	if (!probe) {
		snprintf(volume->state, sizeof(volume->state), "cannot be opened");
		return false;
	}
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
							 BLKID_SUBLKS_UUID | BLKID_SUBLKS_USAGE);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	result = blkid_do_safeprobe(probe);
	if (result == -2)
		snprintf(volume->state, sizeof(volume->state),
			 "has the marks of several file systems");
	else if (result < 0)
		snprintf(volume->state, sizeof(volume->state), "cannot be read");
	take_value(probe, "TYPE", volume->type, sizeof(volume->type));
	take_value(probe, "LABEL", volume->label, sizeof(volume->label));
	take_value(probe, "UUID", volume->uuid, sizeof(volume->uuid));
	take_value(probe, "PART_ENTRY_UUID", volume->part_uuid, sizeof(volume->part_uuid));
	blkid_probe_lookup_value(probe, "PTTYPE", &table, NULL);
	result = table && !*volume->type;
	blkid_free_probe(probe);
	return result;
}

/* NODE is the kernel's name of the device. FALSE when it is not a volume but a table of them. */
static bool add_volume(const char *name, const char *node, uint64_t sectors)
{
	AgentVolume *volume = &volumes[volume_count];

	if (volume_count == AGENT_VOLUMES_MAX)
		return false;
	memset(volume, 0, sizeof(*volume));
	snprintf(volume->name, sizeof(volume->name), "%s", name);
	snprintf(volume->device, sizeof(volume->device), "/dev/%s", node);
	volume->size = sectors * 512;
	if (probe_device(volume))
		return false;
	volume_count++;
	return true;
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

static void find_on_disk(const char *disk, const char *node)
{
	unsigned numbers[256];
	size_t count = list_partitions(node, numbers, 256);
	char path[128], name[64], part[32];

	snprintf(path, sizeof(path), "/sys/block/%s/size", node);
	add_volume(disk, node, read_number(path));
	for (size_t i = 0; i < count; i++) {
		snprintf(part, sizeof(part), "%s%u", node, numbers[i]);
		snprintf(name, sizeof(name), "%.40s%s%u", disk, partition_mark(disk), numbers[i]);
		snprintf(path, sizeof(path), "/sys/block/%s/%s/size", node, part);
		/* An extended partition of two sectors holds the others. */
		if (read_number(path) > 2)
			add_volume(name, part, read_number(path));
	}
}

void agent_volumes_find(char *const *names, size_t count)
{
	volume_count = 0;
	for (size_t i = 0; i < count; i++) {
		char node[16];

		snprintf(node, sizeof(node), "ubd%c", (char)('a' + i));
		find_on_disk(names[i], node);
	}
}

static AgentVolume *find_by(const char *value, size_t offset)
{
	for (size_t i = 0; *value && i < volume_count; i++)
		if (strcasecmp((const char *)&volumes[i] + offset, value) == 0)
			return &volumes[i];
	return NULL;
}

/* The value of "NAME=value" in SPEC, without quotes. NULL when it is not that. */
static const char *value_of(const char *spec, const char *name, char *buffer, size_t size)
{
	size_t length = strlen(name);

	if (strncasecmp(spec, name, length) != 0 || spec[length] != '=')
		return NULL;
	spec += length + 1;
	if (*spec == '"')
		spec++;
	snprintf(buffer, size, "%s", spec);
	buffer[strcspn(buffer, "\"")] = '\0';
	return buffer;
}

AgentVolume *agent_volume_for(const char *spec)
{
	static const struct {
		const char *name, *directory;
		size_t offset;
	} keys[] = {
		{"UUID", "/dev/disk/by-uuid/", offsetof(AgentVolume, uuid)},
		{"LABEL", "/dev/disk/by-label/", offsetof(AgentVolume, label)},
		{"PARTUUID", "/dev/disk/by-partuuid/", offsetof(AgentVolume, part_uuid)},
	};
	char buffer[256];

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t length = strlen(keys[i].directory);
		const char *value = value_of(spec, keys[i].name, buffer, sizeof(buffer));

		if (strncmp(spec, keys[i].directory, length) == 0)
			value = spec + length;
		if (value)
			return find_by(value, keys[i].offset);
	}
	if (strncmp(spec, "/dev/mapper/", 12) == 0)
		return find_by(spec + 12, offsetof(AgentVolume, name));
	return strncmp(spec, "/dev/", 5) == 0 ? find_by(spec + 5, offsetof(AgentVolume, name))
					      : NULL;
}
