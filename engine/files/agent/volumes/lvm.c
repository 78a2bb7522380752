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

#define GROUPS_MAX 128

/* Volume groups by their names, of which two groups can have one. */
static struct Group {
	char name[128];
	bool several;
} groups[GROUPS_MAX];
static size_t group_count;

/* A part that is there twice belongs to one of two groups: LVM activates neither. */
static void note_part(AgentVolume *part)
{
	snprintf(part->state, sizeof(part->state), "a part of a volume group");
	for (size_t i = 0; i < agent_volume_count(); i++) {
		const AgentVolume *other = agent_volume(i);

		if (other != part && strcmp(other->type, PART) == 0 && *other->uuid &&
		    strcmp(other->uuid, part->uuid) == 0)
			snprintf(part->state, sizeof(part->state),
				 "'%.200s' is the same part of a volume group: neither is read",
				 other->name);
	}
}

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
			note_part(volume);
	}
	return found && access(PROGRAM, X_OK) == 0;
}

static struct Group *find_group(const char *name)
{
	for (size_t i = 0; i < group_count; i++)
		if (strcmp(groups[i].name, name) == 0)
			return &groups[i];
	return NULL;
}

/* Runs a command of LVM; WORDS end with NULL. Its output is whole, or volumes are left out. */
static void run(const char *const *words, AgentOutput *output)
{
	const char *argv[GROUPS_MAX + 16] = {PROGRAM, words[0], "--config", config};
	size_t count = 4;

	for (size_t i = 1; words[i]; i++)
		argv[count++] = words[i];
	agent_run(argv, (VkBytes){0}, output);
	if (output->full)
		agent_volumes_leave_out();
}

/* LINE is the name of a group: there is one for each group. */
static void add_group(const char *line)
{
	const char *name = line + strspn(line, " ");
	struct Group *group = find_group(name);

	if (group) {
		group->several = true;
	} else if (*name && group_count == GROUPS_MAX) {
		agent_volumes_leave_out();
	} else if (*name) {
		group = &groups[group_count++];
		*group = (struct Group){0};
		snprintf(group->name, sizeof(group->name), "%s", name);
	}
}

static void find_groups(void)
{
	static const char *const list[] = {"vgs", "--noheadings", "-o", "vg_name", NULL};
	static AgentOutput listed;

	group_count = 0;
	run(list, &listed);
	for (char *text = listed.text, *line; (line = strsep(&text, "\n"));)
		add_group(line);
}

/* Activates the groups that have a name of their own: LVM would mix the volumes of others. */
static void activate(AgentOutput *output)
{
	const char *words[GROUPS_MAX + 8] = {"vgchange", "-ay", "--sysinit"};
	size_t count = 3;

	for (size_t i = 0; i < group_count; i++)
		if (!groups[i].several)
			words[count++] = groups[i].name;
	if (count > 3)
		run(words, output);
}

/* LINE is "GROUP|VOLUME|DEVICE|STATE|LAYOUT|HEALTH". */
static void add_line(char *line, const char *words)
{
	char *fields[6], name[264];
	const struct Group *group;
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
	group = find_group(fields[0]);
	active = strcmp(fields[3], "active") == 0;
	volume = agent_volume_add(name, fields[2]);
	if (!volume || active)
		return;
	if (group && group->several) {
		snprintf(volume->state, sizeof(volume->state),
			 "two volume groups are named '%s': neither is read", group->name);
		return;
	}
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
	static const char *const list[] = {
		"lvs",         "--noheadings",
		"--separator", "|",
		"-o",          "vg_name,lv_name,lv_dm_path,lv_active,lv_layout,lv_health_status",
		NULL};
	static AgentOutput activated, listed;

	if (!take_parts())
		return;
	mkdir("/run", 0700);
	mkdir("/etc", 0755);
	agent_modules_load("dm-mod");
	find_groups();
	activate(&activated);
	run(list, &listed);
	for (char *text = listed.text, *line; (line = strsep(&text, "\n"));)
		add_line(line, activated.words);
}
