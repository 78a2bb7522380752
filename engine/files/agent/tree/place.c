/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

#include "channel.h"
#include "crypt.h"
#include "mounting.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NAME is cut at its '@'. */
static int open_volume(char *name)
{
	char *subvolume = strchr(name, '@');
	AgentVolume *volume;
	int root;

	if (subvolume)
		*subvolume++ = '\0';
	volume = agent_volume_named(name);
	if (!volume) {
		agent_send_failure(VK_MESSAGE_NO_PLACE, "there is no volume '%s': %s", name,
				   agent_volumes_left_out()
					   ? AGENT_VOLUMES_LEFT_OUT
					   : "'virtkeep files volumes' lists them");
		return -1;
	}
	if (agent_crypt_is_locked(volume)) {
		agent_send_locked(name);
		return -1;
	}
	root = agent_mount(volume, subvolume);
	if (root < 0)
		agent_send_failure(EIO, "'%s' cannot be read: %s", name, volume->state);
	return root;
}

int agent_place_open(const char *volume, bool system)
{
	char *name;
	int root;

	if (system)
		return agent_system_open(volume);
	name = strdup(volume);
	if (!name)
		agent_power_off();
	root = open_volume(name);
	free(name);
	return root;
}
