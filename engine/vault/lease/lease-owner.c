/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lease-owner.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The time of start in /proc/<pid>/stat, counted from the state, which follows the name. */
#define STAT_START 19

/* The text of a small file without the newline at its end; NULL: there is none. New string. */
static char *read_line(const char *path)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !*g_strstrip(text))
		return NULL;
	return g_steal_pointer(&text);
}

/*
 * A host is known by the id of its system together with that of its hardware: clones of a machine
 * share the first. New string, or NULL.
 */
static char *describe_machine(void)
{
	g_autofree char *system = read_line("/etc/machine-id");
	g_autofree char *hardware = read_line("/sys/class/dmi/id/product_uuid");
	g_autofree char *both = g_strconcat(system ? system : "", "\n", hardware, NULL);

	return system ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1) : NULL;
}

/* In which namespaces a process id, and a time since the boot, mean what. New string, or NULL. */
static char *describe_namespaces(void)
{
	g_autofree char *processes = g_file_read_link("/proc/self/ns/pid", NULL);
	g_autofree char *times = g_file_read_link("/proc/self/ns/time", NULL);

	return processes ? g_strconcat(processes, " ", times, NULL) : NULL;
}

/* When the process was started, in ticks since the boot. New string; NULL: not known. */
static char *find_start(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *stat = read_line(path);
	const char *end = stat ? strrchr(stat, ')') : NULL; /* of the name, which may be any */
	g_auto(GStrv) fields = end && end[1] ? g_strsplit(end + 2, " ", STAT_START + 2) : NULL;

	return fields && g_strv_length(fields) > STAT_START ? g_strdup(fields[STAT_START]) : NULL;
}

json_t *vk_lease_owner_describe(void)
{
	g_autofree char *machine = describe_machine();
	g_autofree char *boot = read_line("/proc/sys/kernel/random/boot_id");
	g_autofree char *namespaces = describe_namespaces();
	g_autofree char *start = find_start(getpid());

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "machine", vk_json_new_string(machine),
			 "boot", vk_json_new_string(boot), "namespaces",
			 vk_json_new_string(namespaces), "start", vk_json_new_string(start), "host",
			 vk_json_new_string(g_get_host_name()), "pid", (json_int_t)getpid());
}

/* Whether both say the same. Of what one of them does not know nothing is certain. */
static gboolean agree(const json_t *owner, const json_t *self, const char *key)
{
	const char *theirs = vk_json_optional_string(owner, key);

	return theirs && g_strcmp0(theirs, vk_json_optional_string(self, key)) == 0;
}

static VkOwnerState find_process(const json_t *owner)
{
	json_int_t pid = json_integer_value(json_object_get(owner, "pid"));
	const char *start = vk_json_optional_string(owner, "start");
	g_autofree char *start_now = NULL;

	if (pid <= 0 || pid > G_MAXINT)
		return VK_OWNER_UNKNOWN;
	if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		return VK_OWNER_GONE;
	start_now = find_start((pid_t)pid);
	if (!start || !start_now)
		return VK_OWNER_UNKNOWN;
	return strcmp(start, start_now) == 0 ? VK_OWNER_HERE : VK_OWNER_GONE;
}

VkOwnerState vk_lease_owner_state(const json_t *owner)
{
	g_autoptr(json_t) self = vk_lease_owner_describe();

	if (!vk_json_optional_string(owner, "boot") || !vk_json_optional_string(self, "boot") ||
	    !agree(owner, self, "host"))
		return VK_OWNER_UNKNOWN;
	if (agree(owner, self, "boot"))
		return agree(owner, self, "namespaces") ? find_process(owner) : VK_OWNER_UNKNOWN;
	return agree(owner, self, "machine") ? VK_OWNER_GONE : VK_OWNER_UNKNOWN;
}
