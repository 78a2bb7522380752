/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "discover.h"
#include "errors.h"
#include "log.h"
#include "table.h"

#include <string.h>

/* Where the findings go, and how many guests are not, or not wholly, among them. */
typedef struct {
	VkTable *table; /* or ... */
	json_t *report; /* ... NULL */
	guint incomplete;
} Findings;

static char *file_system_text(const VkMountFacts *mount)
{
	return mount ? g_strdup_printf("%s (%s)", mount->mountpoint, mount->fstype) : g_strdup("-");
}

static char *source_text(const VkFoundDisk *disk)
{
	if (!disk->source)
		return g_strdup("-");
	if (g_strcmp0(disk->type, "volume") == 0)
		return g_strdup_printf("volume:%s", disk->source);
	return g_strdup(disk->source);
}

/* The guest's own cells stand in its first row only, as lsblk draws a tree. */
typedef struct {
	const char *name, *state, *agent;
} GuestCells;

static void print_disk(VkTable *table, GuestCells *cells, const VkFoundDisk *disk)
{
	static const GuestCells blank = {"", "", ""};
	g_autofree char *source = source_text(disk);
	g_autofree char *file_system = file_system_text(disk->mount);
	g_autofree char *size = disk->has_size ? vk_size_text(disk->size) : g_strdup("-");
	g_autofree char *saved =
		disk->reason ? g_strdup_printf("no: %s", disk->reason) : g_strdup("yes");

	vk_table_add(table, cells->name, cells->state, cells->agent, disk->target,
		     disk->bus ? disk->bus : "-", disk->format ? disk->format : "-", size, saved,
		     file_system, source, NULL);
	*cells = blank;
	for (guint i = 0; i < disk->backing->len; i++) {
		const VkFoundLayer *layer = g_ptr_array_index(disk->backing, i);
		g_autofree char *text = g_strdup_printf("`- %s", layer->source);

		vk_table_add(table, "", "", "", "", "", layer->format ? layer->format : "-", "-",
			     "", "", text, NULL);
	}
}

static void print_guest(VkTable *table, const VkFoundGuest *guest)
{
	GuestCells cells = {guest->name, guest->state, guest->agent ? guest->agent : "-"};

	for (guint i = 0; i < guest->disks->len; i++)
		print_disk(table, &cells, g_ptr_array_index(guest->disks, i));
	for (guint i = 0; i < guest->passthrough->len; i++) {
		vk_table_add(table, cells.name, cells.state, cells.agent, "-", "-", "-", "-",
			     "no: given through", "-",
			     (const char *)g_ptr_array_index(guest->passthrough, i), NULL);
		cells.name = cells.state = cells.agent = "";
	}
	if (guest->disks->len == 0 && guest->passthrough->len == 0)
		vk_table_add(table, cells.name, cells.state, cells.agent, "-", "-", "-", "-", "-",
			     "-", "-", NULL);
}

static void discover_guest(Findings *findings, VkHost *host, VkGuest *guest, VkMounts *mounts)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkFoundGuest) found = vk_discover_guest(host, guest, mounts, &trouble);

	if (!found) {
		/* A guest that has gone since the list was made is no trouble. */
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			vk_log_debug("%s", trouble->message);
			return;
		}
		vk_log_warning("guest '%s' is not listed: %s", vk_guest_name(guest),
			       trouble->message);
		findings->incomplete++;
		return;
	}
	for (guint i = 0; i < found->problems->len; i++)
		vk_log_warning("%s", (const char *)g_ptr_array_index(found->problems, i));
	if (found->problems->len > 0)
		findings->incomplete++;
	if (findings->report)
		json_array_append_new(findings->report, vk_found_guest_to_json(found));
	else
		print_guest(findings->table, found);
}

static gboolean discover(Findings *findings, VkHost *host, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_host_list(host, error);
	g_autoptr(VkMounts) mounts = NULL;

	if (!guests)
		return FALSE;
	if (vk_discover_is_local(vk_host_uri(host))) {
		mounts = vk_mounts_load(NULL, error);
		if (!mounts)
			return FALSE;
	}
	for (guint i = 0; i < guests->len; i++) {
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		discover_guest(findings, host, g_ptr_array_index(guests, i), mounts);
	}
	return TRUE;
}

gboolean vk_cmd_discover(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkTable) table = vk_table_new("GUEST", "STATE", "AGENT", "DISK", "BUS", "FORMAT",
						"SIZE", "SAVED", "FILE SYSTEM", "SOURCE", NULL);
	g_autoptr(json_t) report = NULL;
	g_autoptr(VkHost) host = NULL;
	Findings findings = {.table = table};
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "discover",
			  "Lists the guests of the host with their disks, where these lie, and "
			  "whether they\nwill be saved.",
			  NULL, 0, argc, argv, &arguments, error))
		return FALSE;
	host = vk_host_open(vk_program_libvirt_uri(program), error);
	if (!host)
		return FALSE;
	if (program->json)
		report = findings.report = json_array();
	if (!discover(&findings, host, error))
		return FALSE;
	if (program->json)
		vk_json_print(report);
	else
		vk_table_print(table);
	if (findings.incomplete > 0)
		return vk_fail(error, VK_ERROR_PARTIAL,
			       "some guests could not be described, or not wholly: %u; the "
			       "warnings above tell why",
			       findings.incomplete);
	return TRUE;
}
