/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "system.h"

#include "channel.h"
#include "crypt.h"
#include "mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYSTEMS_MAX 16
#define LINES_MAX   256
#define FSTAB       "etc/fstab"
#define MAPPER      "/dev/mapper/"

/* A btrfs may have its system in one of these instead of at its top. */
static const char *const subvolumes[] = {NULL, "@", "root", "@rootfs"};

static struct System {
	AgentVolume *volume;
	const char *subvolume; /* NULL: none */
	bool mounted;
} systems[SYSTEMS_MAX];
static size_t system_count;

/* What could not be mounted where a system has it. */
static struct Gap {
	char *point;
	char reason[256];
} gaps[LINES_MAX];
static size_t gap_count;

int agent_open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

/* A table of the system below ROOT, or NULL. */
static FILE *open_table(int root, const char *path)
{
	int fd = agent_open_beneath(root, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (!file)
		close(fd);
	return file;
}

/* The next line that mounts something on a directory of its own. */
static struct mntent *next_line(FILE *fstab, struct mntent *line, char *buffer, int size)
{
	for (unsigned i = 0; i < LINES_MAX; i++) {
		if (!getmntent_r(fstab, line, buffer, size))
			return NULL;
		if (line->mnt_dir[0] == '/' && strcmp(line->mnt_type, "swap") != 0)
			return line;
	}
	return NULL;
}

static void note_point(AgentVolume *volume, const char *point)
{
	size_t used = strlen(volume->points);

	snprintf(volume->points + used, sizeof(volume->points) - used, "%s%s", used ? " " : "",
		 point);
}

/* The installed system whose tables are read. */
typedef struct Reading {
	int root;
	const AgentVolume *volume; /* of the root */
	bool several;              /* of find_volume(): the table may mean several volumes */
} Reading;

/* The volume that crypttab calls NAME, or NULL. */
static AgentVolume *find_encrypted(Reading *reading, const char *name)
{
	FILE *crypttab = open_table(reading->root, "etc/crypttab");
	char line[1024], target[256], source[256];
	AgentVolume *found = NULL;

	for (unsigned i = 0; crypttab && !found && i < LINES_MAX; i++) {
		if (!fgets(line, sizeof(line), crypttab))
			break;
		if (sscanf(line, "%255s %255s", target, source) == 2 && strcmp(target, name) == 0)
			found = agent_volume_for(source, reading->volume, &reading->several);
	}
	if (crypttab)
		fclose(crypttab);
	return found;
}

/* The volume that a line of fstab mounts, or NULL. */
static AgentVolume *find_volume(Reading *reading, const char *spec)
{
	AgentVolume *volume = agent_volume_for(spec, reading->volume, &reading->several);

	if (!volume && strncmp(spec, MAPPER, strlen(MAPPER)) == 0)
		volume = find_encrypted(reading, spec + strlen(MAPPER));
	return volume;
}

static void note_points(Reading *reading, FILE *fstab)
{
	char buffer[8192];
	struct mntent line;

	while (next_line(fstab, &line, buffer, sizeof(buffer))) {
		AgentVolume *volume = find_volume(reading, line.mnt_fsname);

		if (volume)
			note_point(volume, line.mnt_dir);
	}
}

static bool is_system(AgentVolume *volume, const char *subvolume)
{
	Reading reading = {.root = agent_mount(volume, subvolume), .volume = volume};
	FILE *fstab = reading.root < 0 ? NULL : open_table(reading.root, FSTAB);
	bool found = fstab != NULL;

	if (fstab) {
		note_points(&reading, fstab);
		fclose(fstab);
	}
	if (reading.root >= 0)
		close(reading.root);
	else if (subvolume)
		volume->state[0] = '\0';
	agent_mount_release(volume);
	return found;
}

static void find_on_volume(AgentVolume *volume)
{
	bool btrfs = strcmp(volume->type, "btrfs") == 0;
	size_t places = btrfs ? sizeof(subvolumes) / sizeof(*subvolumes) : 1;

	if (volume->shared ||
	    (!btrfs && strncmp(volume->type, "ext", 3) != 0 && strcmp(volume->type, "xfs") != 0))
		return;
	for (size_t i = 0; i < places && system_count < SYSTEMS_MAX; i++) {
		if (!is_system(volume, subvolumes[i]))
			continue;
		systems[system_count++] =
			(struct System){.volume = volume, .subvolume = subvolumes[i]};
		return;
	}
}

void agent_systems_find(void)
{
	static bool found;

	if (found)
		return;
	found = true;
	for (size_t i = 0; i < agent_volume_count(); i++)
		find_on_volume(agent_volume(i));
}

/* The subvolume among the options of a line of fstab; "" for none. */
static void subvolume_of(const struct mntent *line, char *ret, size_t size)
{
	const char *option = hasmntopt(line, "subvol");
	const char *value = option ? strchr(option, '=') : NULL;

	*ret = '\0';
	if (!value)
		return;
	value += 1 + (value[1] == '/');
	snprintf(ret, size, "%s", value);
	ret[strcspn(ret, ",")] = '\0';
}

static void add_gap(const char *point, const char *reason)
{
	struct Gap *gap = &gaps[gap_count];

	if (gap_count == LINES_MAX)
		return;
	gap->point = strdup(point);
	if (!gap->point)
		agent_power_off();
	snprintf(gap->reason, sizeof(gap->reason), "%s", reason);
	gap_count++;
}

/* Whether one of two directories lies below the other, or is the same. */
static bool are_related(const char *one, const char *other)
{
	for (;;) {
		while (*one == '/')
			one++;
		while (*other == '/')
			other++;
		if (!*one || !*other)
			return true;
		if (strcspn(one, "/") != strcspn(other, "/") ||
		    strncmp(one, other, strcspn(one, "/")) != 0)
			return false;
		one += strcspn(one, "/");
		other += strcspn(other, "/");
	}
}

void agent_system_note_gaps(const char *path)
{
	for (size_t i = 0; i < gap_count; i++)
		if (are_related(gaps[i].point, path))
			agent_send_note(gaps[i].point, gaps[i].reason);
}

/* Mounts what a line names where it says. What cannot be is a gap. */
static void mount_line(Reading *reading, const struct mntent *line)
{
	AgentVolume *volume = find_volume(reading, line->mnt_fsname);
	bool local = strncmp(line->mnt_fsname, "/dev/", 5) == 0 || strchr(line->mnt_fsname, '=');
	char subvolume[256], from[64], to[64];
	int source, target;

	if (strcmp(line->mnt_dir, "/") == 0 || !local || hasmntopt(line, "noauto"))
		return;
	if (!volume) {
		add_gap(line->mnt_dir, reading->several
					       ? "several volumes may be mounted here: read them "
						 "by their own names"
					       : "no disk of the snapshot has what is mounted "
						 "here");
		return;
	}
	subvolume_of(line, subvolume, sizeof(subvolume));
	source = agent_mount(volume, *subvolume ? subvolume : NULL);
	if (source < 0) {
		add_gap(line->mnt_dir, volume->state);
		return;
	}
	target = agent_open_beneath(reading->root, line->mnt_dir, O_PATH | O_DIRECTORY);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
	if (target < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
		add_gap(line->mnt_dir, strerror(errno));
	close(source);
	close(target);
}

/* The first volume that is locked, or NULL. */
static AgentVolume *find_locked(void)
{
	for (size_t i = 0; i < agent_volume_count(); i++)
		if (agent_crypt_is_locked(agent_volume(i)))
			return agent_volume(i);
	return NULL;
}

/* The root of a system at a place of its own: what is mounted below is not the volume's. */
static int open_root(const struct System *system)
{
	int source = agent_mount(system->volume, system->subvolume);
	char from[64], place[64];
	int root = -1;

	if (source < 0) {
		agent_send_failure(EIO, "'%s': %s", system->volume->name, system->volume->state);
		return -1;
	}
	mkdir("/systems", 0700);
	snprintf(place, sizeof(place), "/systems/%td", system - systems);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	mkdir(place, 0700);
	if (system->mounted || mount(from, place, NULL, MS_BIND, NULL) == 0)
		root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		agent_send_failure(errno, "'%s': %s", system->volume->name, strerror(errno));
	close(source);
	return root;
}

static int open_mounted(struct System *system)
{
	char buffer[8192];
	struct mntent line;
	Reading reading = {.root = open_root(system), .volume = system->volume};
	FILE *fstab = reading.root < 0 ? NULL : open_table(reading.root, FSTAB);

	while (fstab && !system->mounted && next_line(fstab, &line, buffer, sizeof(buffer)))
		mount_line(&reading, &line);
	system->mounted |= reading.root >= 0;
	if (fstab)
		fclose(fstab);
	return reading.root;
}

static void fail_ambiguous(void)
{
	char names[SYSTEMS_MAX * sizeof(systems[0].volume->name)] = "";

	for (size_t i = 0; i < system_count; i++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
			 systems[i].volume->name);
	}
	agent_send_failure(EINVAL, "several systems are installed, on %s: choose one by --system",
			   names);
}

int agent_system_open(const char *name)
{
	AgentVolume *locked;

	agent_systems_find();
	if (!*name && system_count == 1)
		return open_mounted(&systems[0]);
	for (size_t i = 0; i < system_count; i++)
		if (strcmp(systems[i].volume->name, name) == 0)
			return open_mounted(&systems[i]);
	locked = find_locked();
	if (locked)
		agent_send_locked(locked->name);
	else if (*name)
		agent_send_failure(VK_MESSAGE_NO_PLACE, "no system is installed on '%s'", name);
	else if (system_count)
		fail_ambiguous();
	else
		agent_send_failure(VK_MESSAGE_NO_PLACE,
				   "no installed system was found: name a volume, as in "
				   "'vda1:/PATH'; 'virtkeep files volumes' lists them");
	return -1;
}
