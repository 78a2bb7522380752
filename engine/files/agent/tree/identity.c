/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity.h"

#include "mounting.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Those of subvolumes are above those of volumes. */
#define SUBVOLUME ((uint64_t)1 << 63)

#define KNOWN_MAX 256

/* The last devices that were asked for, each at the place of its number. */
static struct Known {
	dev_t device; /* 0: none */
	uint64_t identity;
} known[KNOWN_MAX];

/* A btrfs makes it of its own UUID and of the number of the subvolume. FALSE: it is no btrfs. */
static int find_subvolume(int directory, const char *name, uint64_t *ret)
{
	int fd = *name ? openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : directory;
	struct statfs fs = {0};
	uint32_t parts[2];

	if (fd >= 0)
		fstatfs(fd, &fs);
	if (fd >= 0 && *name)
		close(fd);
	memcpy(parts, &fs.f_fsid, sizeof(parts));
	*ret = ((uint64_t)parts[0] << 32 | parts[1]) | SUBVOLUME;
	return fs.f_type == BTRFS_SUPER_MAGIC;
}

uint64_t agent_identity(dev_t device, int directory, const char *name)
{
	struct Known *place = &known[minor(device) % KNOWN_MAX];
	uint64_t identity;

	if (device && place->device == device)
		return place->identity;
	if (!find_subvolume(directory, name, &identity)) {
		identity = agent_mount_number(device);
		if (!identity)
			return device;
	}
	*place = (struct Known){.device = device, .identity = identity};
	return identity;
}

void agent_identity_clear(void)
{
	memset(known, 0, sizeof(known));
}
