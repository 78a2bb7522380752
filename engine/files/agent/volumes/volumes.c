/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volumes.h"

#include <blkid.h>
#include <stdio.h>
#include <string.h>

static AgentVolume volumes[AGENT_VOLUMES_MAX];
static size_t volume_count;
static bool left_out;

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

static void take_value(blkid_probe probe, const char *name, char *ret, size_t size)
{
	const char *value;

	if (blkid_probe_lookup_value(probe, name, &value, NULL) == 0)
		snprintf(ret, size, "%s", value);
}

static void probe(AgentVolume *volume, blkid_probe probe)
{
	const char *table = NULL;
	int result;

	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
							 BLKID_SUBLKS_UUID | BLKID_SUBLKS_USAGE |
							 BLKID_SUBLKS_VERSION);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	result = blkid_do_safeprobe(probe);
	if (result == -2)
		snprintf(volume->state, sizeof(volume->state),
			 "has the marks of several file systems");
	else if (result < 0)
		snprintf(volume->state, sizeof(volume->state), "cannot be read");
	take_value(probe, "TYPE", volume->type, sizeof(volume->type));
	take_value(probe, "VERSION", volume->version, sizeof(volume->version));
	take_value(probe, "LABEL", volume->label, sizeof(volume->label));
	take_value(probe, "UUID", volume->uuid, sizeof(volume->uuid));
	take_value(probe, "UUID_SUB", volume->member_uuid, sizeof(volume->member_uuid));
	take_value(probe, "PART_ENTRY_UUID", volume->part_uuid, sizeof(volume->part_uuid));
	blkid_probe_lookup_value(probe, "PTTYPE", &table, NULL);
	volume->divided = table && !*volume->type;
	volume->size = (uint64_t)blkid_probe_get_size(probe);
}

static void look_at(AgentVolume *volume, const char *device)
{
	blkid_probe opened;

	snprintf(volume->device, sizeof(volume->device), "%s", device);
	opened = blkid_new_probe_from_filename(volume->device);
	if (opened)
		probe(volume, opened);
	else
		snprintf(volume->state, sizeof(volume->state), "cannot be opened");
	blkid_free_probe(opened);
}

AgentVolume *agent_volume_add(const char *name, const char *device)
{
	AgentVolume *volume = &volumes[volume_count];

	if (volume_count == AGENT_VOLUMES_MAX) {
		agent_volumes_leave_out();
		return NULL;
	}
	memset(volume, 0, sizeof(*volume));
	snprintf(volume->name, sizeof(volume->name), "%s", name);
	look_at(volume, device);
	volume_count++;
	return volume;
}

void agent_volume_open(AgentVolume *volume, const char *device)
{
	AgentVolume closed = *volume;

	memset(volume, 0, sizeof(*volume));
	memcpy(volume->name, closed.name, sizeof(volume->name));
	volume->disk = closed.disk;
	memcpy(volume->part_uuid, closed.part_uuid, sizeof(volume->part_uuid));
	memcpy(volume->crypt_uuid, closed.uuid, sizeof(volume->crypt_uuid));
	look_at(volume, device);
}

void agent_volumes_leave_out(void)
{
	left_out = true;
}

bool agent_volumes_left_out(void)
{
	return left_out;
}

void agent_volumes_cut(size_t count)
{
	volume_count = count;
}

/* The text at OFFSET of the volume is VALUE. */
typedef struct Search {
	const char *value;
	size_t offset;
	const AgentVolume *near;
} Search;

static bool is_wanted(const AgentVolume *volume, const Search *search)
{
	return !volume->shared &&
	       strcasecmp((const char *)volume + search->offset, search->value) == 0;
}

/* How many are wanted; *RET is the last one of them. */
static size_t find_wanted(const Search *search, bool near, AgentVolume **ret)
{
	size_t count = 0;

	for (size_t i = 0; i < volume_count; i++) {
		if (!is_wanted(&volumes[i], search) ||
		    (near && volumes[i].disk != search->near->disk))
			continue;
		*ret = &volumes[i];
		count++;
	}
	return count;
}

/* The only volume that is wanted, or the only one on the same disk. */
static AgentVolume *find_by(const Search *search, bool *ret_several)
{
	AgentVolume *found = NULL;
	size_t count = *search->value ? find_wanted(search, false, &found) : 0;

	if (count > 1 && search->near->disk)
		count = find_wanted(search, true, &found) == 1 ? 1 : count;
	*ret_several |= count > 1 || (count == 1 && found->ambiguous);
	return count == 1 && !found->ambiguous ? found : NULL;
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

AgentVolume *agent_volume_for(const char *spec, const AgentVolume *near, bool *ret_several)
{
	static const struct {
		const char *name, *directory;
		size_t offset;
	} keys[] = {
		{"UUID", "/dev/disk/by-uuid/", offsetof(AgentVolume, uuid)},
		{"LABEL", "/dev/disk/by-label/", offsetof(AgentVolume, label)},
		{"PARTUUID", "/dev/disk/by-partuuid/", offsetof(AgentVolume, part_uuid)},
		{"UUID", "/dev/disk/by-uuid/", offsetof(AgentVolume, crypt_uuid)},
	};
	char buffer[256];
	Search search = {.near = near};

	*ret_several = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t length = strlen(keys[i].directory);
		AgentVolume *found = NULL;

		search.value = value_of(spec, keys[i].name, buffer, sizeof(buffer));
		search.offset = keys[i].offset;
		if (strncmp(spec, keys[i].directory, length) == 0)
			search.value = spec + length;
		if (search.value)
			found = find_by(&search, ret_several);
		if (found)
			return found;
	}
	/* Volumes of LVM are called so in the guest and here. */
	search.value = spec;
	search.offset = offsetof(AgentVolume, device);
	if (strncmp(spec, "/dev/mapper/", 12) == 0)
		return find_by(&search, ret_several);
	search.value = spec + 5;
	search.offset = offsetof(AgentVolume, name);
	return strncmp(spec, "/dev/", 5) == 0 ? find_by(&search, ret_several) : NULL;
}
