/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lvm.h"

#include "action.h"
#include "modules.h"
#include "volumes.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/lvm"
#define PART    "LVM2_member"

/* Neither udev nor a daemon is here, and nothing is kept. */
static const char config[] =
	"activation{udev_sync=0 udev_rules=0 monitoring=0 verify_udev_operations=0} "
	"devices{use_devicesfile=0} backup{backup=0 archive=0} "
	"global{thin_check_executable=\"\" cache_check_executable=\"\"}";

/* Whether there are parts of groups that were not looked at. They are then. */
static bool take_parts(void)
{
	bool found = false;

	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		if (volume->used || strcmp(volume->type, PART) != 0)
			continue;
		volume->used = found = true;
		if (access(PROGRAM, X_OK) < 0)
			snprintf(volume->state, sizeof(volume->state),
				 "LVM is not read without the package 'lvm2': install it");
		else
			snprintf(volume->state, sizeof(volume->state), "a part of a volume group");
	}
	return found && access(PROGRAM, X_OK) == 0;
}

/* LINE is "GROUP|VOLUME|DEVICE|STATE|LAYOUT|HEALTH". */
static void add_line(char *line, const char *words)
{
	char *fields[6], name[264];
	AgentVolume *volume;
	bool active;

	for (size_t i = 0; i < 6; i++) {
		fields[i] = strsep(&line, "|");
		if (!fields[i])
			return;
	}
	fields[0] += strspn(fields[0], " ");
	snprintf(name, sizeof(name), "%.127s/%.127s", fields[0], fields[1]);
	if (strstr(fields[4], "pool") || agent_volume_named(name))
		return;
	active = strcmp(fields[3], "active") == 0;
	volume = agent_volume_add(name, fields[2]);
	if (!volume || active)
		return;
	volume->incomplete = strstr(fields[5], "partial") != NULL;
	if (volume->incomplete)
		snprintf(volume->state, sizeof(volume->state),
			 "a part of its volume group is missing");
	else
		snprintf(volume->state, sizeof(volume->state), "LVM does not activate it: %.200s",
			 words);
}

void agent_lvm_activate(void)
{
	static const char *const activate[] = {PROGRAM, "vgchange",  "-ay", "--config",
					       config,  "--sysinit", NULL};
	static const char *const list[] = {
		PROGRAM,
		"lvs",
		"--config",
		config,
		"--noheadings",
		"--separator",
		"|",
		"-o",
		"vg_name,lv_name,lv_dm_path,lv_active,lv_layout,lv_health_status",
		NULL};
	static AgentOutput activated, listed;

	if (!take_parts())
		return;
	mkdir("/run", 0700);
	mkdir("/etc", 0755);
	agent_modules_load("dm-mod");
	agent_run(activate, (VkBytes){0}, &activated);
	agent_run(list, (VkBytes){0}, &listed);
	for (char *text = listed.text, *line; (line = strsep(&text, "\n"));)
		add_line(line, activated.words);
}
