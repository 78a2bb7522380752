/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "discover.h"
#include "errors.h"
#include "interrupt.h"
#include "log.h"
#include "mapping-check.h"
#include "open-vault.h"
#include "protection.h"
#include "settings-file.h"
#include "table.h"
#include "vault.h"

#include <string.h>

/* The output, and how many guests are missing or incomplete in it. */
typedef struct {
	VkTable *table; /* or ... */
	json_t *report; /* ... NULL */
	VkMappingCheck *check;
	const VkSettings *settings;
	VkVault *vault; /* NULL: what it has is not known */
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
	const char *name, *state, *agent, *tags, *last;
} GuestCells;

static void print_disk(VkTable *table, GuestCells *cells, const VkFoundDisk *disk)
{
	static const GuestCells blank = {"", "", "", "", ""};
	const char *reason = vk_found_disk_reason(disk);
	g_autofree char *source = source_text(disk);
	g_autofree char *file_system = file_system_text(disk->mount);
	g_autofree char *size = disk->has_size ? vk_size_text(disk->size) : g_strdup("-");
	g_autofree char *saved = reason ? g_strdup_printf("no: %s", reason)
					: g_strdup(disk->encrypted ? "decrypted" : "yes");

	vk_table_add(table, cells->name, cells->state, cells->agent, cells->tags, cells->last,
		     disk->target, disk->bus ? disk->bus : "-", disk->format ? disk->format : "-",
		     size, saved, file_system, source, NULL);
	*cells = blank;
	for (guint i = 0; i < disk->backing->len; i++) {
		const VkFoundLayer *layer = g_ptr_array_index(disk->backing, i);
		g_autofree char *text = g_strdup_printf("`- %s", layer->source);

		vk_table_add(table, "", "", "", "", "", "", "", layer->format ? layer->format : "-",
			     "-", "", "", text, NULL);
	}
}

/* A row of something that is not a disk. */
static void print_other(VkTable *table, GuestCells *cells, const char *what, const char *size,
			const char *saved, const char *source)
{
	static const GuestCells blank = {"", "", "", "", ""};

	vk_table_add(table, cells->name, cells->state, cells->agent, cells->tags, cells->last, what,
		     "-", "-", size, saved, "-", source, NULL);
	*cells = blank;
}

static void print_firmware(VkTable *table, GuestCells *cells, const VkFoundFirmware *firmware)
{
	g_autofree char *size = firmware->has_size ? vk_size_text(firmware->size) : g_strdup("-");

	print_other(table, cells, firmware->role, size, "yes", firmware->path);
}

/* How old the last snapshot is. New string. */
static char *last_text(const VkProtection *protection)
{
	if (!protection)
		return g_strdup("-");
	return protection->last ? vk_age_text(protection->age_sec) : g_strdup("never");
}

static void print_guest(VkTable *table, const VkFoundGuest *guest, const VkProtection *protection)
{
	g_autofree char *last = last_text(protection);
	g_autofree char *tags = g_strjoinv(" ", guest->tags);
	GuestCells cells = {guest->name, guest->state, guest->agent ? guest->agent : "-",
			    *tags ? tags : "-", last};

	if (guest->skip) {
		g_autofree char *text = g_strdup_printf("only when named: %s", guest->skip);

		print_other(table, &cells, "-", "-", text, "-");
	}
	for (guint i = 0; i < guest->disks->len; i++)
		print_disk(table, &cells, g_ptr_array_index(guest->disks, i));
	for (guint i = 0; i < guest->firmware->len; i++)
		print_firmware(table, &cells, g_ptr_array_index(guest->firmware, i));
	for (guint i = 0; i < guest->passthrough->len; i++)
		print_other(table, &cells, "-", "-", "no: passed through",
			    g_ptr_array_index(guest->passthrough, i));
	for (guint i = 0; i < guest->foreign->len; i++)
		print_other(table, &cells, "-", "-", "no: past libvirt",
			    g_ptr_array_index(guest->foreign, i));
	if (cells.name == guest->name)
		print_other(table, &cells, "-", "-", "-", "-");
}

static json_t *guest_to_json(const VkFoundGuest *guest, const VkProtection *protection)
{
	const VkSnapshot *last = protection ? protection->last : NULL;
	g_autofree char *reference = last ? vk_snapshot_reference(last) : NULL;
	json_t *object = vk_found_guest_to_json(guest);

	json_object_set_new(object, "last_snapshot", vk_json_new_string(reference));
	json_object_set_new(object, "age",
			    last ? json_integer((json_int_t)protection->age_sec) : json_null());
	return object;
}

/* NULL when it is not known. */
static VkProtection *load_protection(Findings *findings, const char *uuid)
{
	g_autoptr(GError) trouble = NULL;
	VkProtection *protection = NULL;

	if (findings->vault)
		protection = vk_protection_load(findings->vault, uuid, &trouble);
	if (trouble)
		vk_log_warning("%s", trouble->message);
	return protection;
}

static void discover_guest(Findings *findings, VkHost *host, VkGuest *guest, VkMounts *mounts)
{
	g_autoptr(GError) trouble = NULL;
	g_autoptr(VkFoundGuest) found =
		vk_discover_guest(host, guest, mounts, findings->settings, &trouble);
	g_autoptr(VkProtection) protection = NULL;

	if (!found) {
		/* It is no error if a guest has disappeared since the list was made. */
		if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND)) {
			vk_log_debug("%s", trouble->message);
			return;
		}
		vk_log_warning("guest '%s' is not listed: %s", vk_guest_name(guest),
			       trouble->message);
		vk_mapping_check_keep(findings->check, vk_guest_name(guest));
		findings->incomplete++;
		return;
	}
	vk_mapping_check_add(findings->check, found);
	for (guint i = 0; i < found->problems->len; i++)
		vk_log_warning("%s", (const char *)g_ptr_array_index(found->problems, i));
	if (found->problems->len > 0)
		findings->incomplete++;
	protection = load_protection(findings, found->uuid);
	if (findings->report)
		json_array_append_new(findings->report, guest_to_json(found, protection));
	else
		print_guest(findings->table, found, protection);
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

/* Guests can be discovered before there is a vault. */
static VkVault *open_vault(const VkProgram *program)
{
	g_autoptr(GError) trouble = NULL;
	const char *url = vk_program_vault_url(program, NULL);
	VkVault *vault = url ? vk_open_vault(program, NULL, VK_VAULT_READ, &trouble) : NULL;

	if (trouble)
		vk_log_info("the last snapshots are not known: %s", trouble->message);
	return vault;
}

static void warn_of(const GPtrArray *texts)
{
	for (guint i = 0; i < texts->len; i++)
		vk_log_warning("%s", (const char *)g_ptr_array_index(texts, i));
}

static VkMappingCheck *new_check(const VkProgram *program, const VkHost *host)
{
	g_autofree char *section = vk_settings_find_host(program->settings, vk_host_name(host));
	const char *name = section ? section : vk_host_name(host);

	return vk_mapping_check_new(
		name, vk_settings_get_named(program->settings, "host", name, "KVM_VM_MAPPING"));
}

/* Reports what is wrong with the mapping, or corrects it. */
static gboolean settle_mapping(const VkProgram *program, VkMappingCheck *check, gboolean write,
			       GError **error)
{
	g_autofree char *mapping = vk_mapping_check_finish(check);
	g_autofree char *group = g_strdup_printf("host %s", vk_mapping_check_host(check));
	const char *path = vk_settings_path(program->settings);
	gboolean changed = FALSE;

	warn_of(write ? vk_mapping_check_untold(check) : vk_mapping_check_wrong(check));
	if (!write) {
		if (vk_mapping_check_wrong(check)->len > 0)
			vk_log_info("'virtkeep discover --write' puts KVM_VM_MAPPING right");
		return TRUE;
	}
	if (!vk_mapping_check_is_right(check) &&
	    !vk_settings_file_set(path, group, "KVM_VM_MAPPING", mapping, &changed, error))
		return FALSE;
	vk_log_info("'%s': KVM_VM_MAPPING of [%s] %s", path, group,
		    changed ? "is written" : "is right already");
	return TRUE;
}

gboolean vk_cmd_discover(VkProgram *program, int argc, char **argv, GError **error)
{
	g_autoptr(VkTable) table =
		vk_table_new("GUEST", "STATE", "AGENT", "TAGS", "LAST", "DISK", "BUS", "FORMAT",
			     "SIZE", "SAVED", "HOST FILE SYSTEM", "SOURCE", NULL);
	g_autoptr(json_t) report = NULL;
	g_autoptr(VkHost) host = NULL;
	g_autoptr(VkMappingCheck) check = NULL;
	g_autoptr(VkVault) vault = NULL;
	gboolean write = FALSE;
	const GOptionEntry entries[] = {
		{"write", 0, 0, G_OPTION_ARG_NONE, &write,
		 "Put KVM_VM_MAPPING in the configuration right", NULL},
		G_OPTION_ENTRY_NULL,
	};
	Findings findings = {.table = table};
	char **arguments = NULL;

	if (!vk_cmd_parse(program, "discover",
			  "Lists the guests of the host, how old the last snapshot of each is, its "
			  "disks and\nfirmware state, where these lie, and whether they will be "
			  "saved.",
			  entries, 0, argc, argv, &arguments, error))
		return FALSE;
	host = vk_host_open(vk_program_libvirt_uri(program), error);
	if (!host)
		return FALSE;
	check = findings.check = new_check(program, host);
	vault = findings.vault = open_vault(program);
	findings.settings = program->settings;
	if (program->json)
		report = findings.report = json_array();
	if (!discover(&findings, host, error))
		return FALSE;
	if (program->json)
		vk_json_print(report);
	else
		vk_table_print(table);
	if (!settle_mapping(program, check, write, error))
		return FALSE;
	if (findings.incomplete > 0)
		return vk_fail(error, VK_ERROR_PARTIAL,
			       "%u guests could not be described completely; see the "
			       "warnings above",
			       findings.incomplete);
	return TRUE;
}
