/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmd.h"

#include "array-drivers.h"
#include "discover.h"
#include "doctor.h"
#include "errors.h"
#include "interrupt.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "release.h"
#include "table.h"
#include "text.h"

#include <stdio.h>

/* What was examined, and what could not be examined. */
typedef struct {
	VkDoctorOptions options;
	gboolean release;
	GPtrArray *findings; /* VkFinding */
	guint failed;
} Round;

static void visit(Round *round, VkHost *host, VkGuest *guest)
{
	g_autoptr(GError) trouble = NULL;

	if (round->release
		    ? vk_release_guest(guest, &round->options, round->findings, &trouble)
		    : vk_doctor_guest(host, guest, &round->options, round->findings, &trouble))
		return;
	vk_log_error("%s", trouble->message);
	round->failed++;
}

static gboolean visit_all(Round *round, VkHost *host, GError **error)
{
	g_autoptr(GPtrArray) guests = vk_host_list(host, error);

	if (!guests)
		return FALSE;
	for (guint i = 0; i < guests->len && !vk_interrupted(); i++)
		visit(round, host, g_ptr_array_index(guests, i));
	vk_doctor_host(guests, &round->options, round->findings);
	return vk_doctor_vault(&round->options, round->findings, error);
}

static gboolean visit_named(Round *round, VkHost *host, char *const *names, GError **error)
{
	for (; *names && !vk_interrupted(); names++) {
		g_autoptr(VkGuest) guest = vk_host_find(host, *names, error);

		if (!guest)
			return FALSE;
		visit(round, host, guest);
	}
	return TRUE;
}

static const char *state_of(const VkFinding *finding)
{
	if (finding->fixed)
		return "fixed";
	return finding->remedy ? finding->remedy : "-";
}

static void print_text(const GPtrArray *findings)
{
	g_autoptr(VkTable) table = vk_table_new("GUEST", "KIND", "FINDING", "REMEDY", NULL);

	if (findings->len == 0) {
		if (!vk_log_is_quiet())
			puts("nothing found");
		return;
	}
	for (guint i = 0; i < findings->len; i++) {
		const VkFinding *finding = g_ptr_array_index(findings, i);

		vk_table_add(table, finding->guest ? finding->guest : "-", finding->kind,
			     finding->what, state_of(finding), NULL);
	}
	vk_table_print(table);
}

static void print_json(const GPtrArray *findings)
{
	g_autoptr(json_t) report = json_array();

	for (guint i = 0; i < findings->len; i++) {
		const VkFinding *finding = g_ptr_array_index(findings, i);

		json_array_append_new(report, json_pack("{s:o, s:s, s:o, s:o, s:b}", "guest",
							vk_json_new_string(finding->guest), "kind",
							finding->kind, "finding",
							vk_json_new_string(finding->what), "remedy",
							vk_json_new_string(finding->remedy),
							"fixed", finding->fixed));
	}
	vk_json_print(report);
}

static gboolean judge(const Round *round, GError **error)
{
	g_autofree char *failed = vk_count_text(round->failed, "guest");
	g_autofree char *open = NULL;
	guint unfixed = 0;

	if (vk_interrupted())
		return vk_fail_interrupted(error);
	if (round->failed > 0)
		return vk_fail(error, VK_ERROR_PARTIAL, "%s could not be examined or fixed",
			       failed);
	for (guint i = 0; i < round->findings->len; i++) {
		const VkFinding *finding = g_ptr_array_index(round->findings, i);

		unfixed += finding->remedy && !finding->fixed;
	}
	open = vk_count_text(unfixed, "finding");
	return unfixed == 0 ||
	       vk_fail(error, VK_ERROR_DAMAGE, "%s to fix: the column REMEDY says how", open);
}

/* Without a vault the rest can be looked at still. */
static VkVault *open_vault(VkProgram *program)
{
	g_autoptr(GError) trouble = NULL;
	VkVault *vault = vk_open_vault(program, NULL, VK_VAULT_READ, &trouble);

	if (!vault)
		vk_log_warning("checkpoints are not examined: %s", trouble->message);
	return vault;
}

static gboolean run(VkProgram *program, char *const *names, gboolean fix, gboolean release,
		    GError **error)
{
	const VkSettings *settings = program->settings;
	g_autoptr(VkVault) vault = release ? NULL : open_vault(program);
	g_autoptr(VkArrays) arrays = vk_arrays_new(settings, vk_log_warning, error);
	g_autoptr(VkHost) host =
		arrays ? vk_host_open(vk_program_libvirt_uri(program), error) : NULL;
	g_autoptr(GPtrArray) findings =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_finding_free);
	Round round = {
		.options = {.vault = vault,
			    .arrays = arrays,
			    .scratch_dir = vk_settings_get(settings, "backup", "scratch_dir"),
			    .run_dir = vk_settings_get(settings, "backup", "run_dir"),
			    .agent_timeout_sec = (guint)vk_settings_get_uint(settings, "backup",
									     "agent_timeout"),
			    .fix = fix},
		.release = release,
		.findings = findings,
	};

	if (!host)
		return FALSE;
	if (!vk_discover_check_local(vk_host_uri(host), error))
		return FALSE;
	if (!(names[0] ? visit_named(&round, host, names, error) : visit_all(&round, host, error)))
		return FALSE;
	if (program->json)
		print_json(findings);
	else
		print_text(findings);
	return judge(&round, error);
}

/* Needs neither libvirt nor the guests: the vault may be on a host of its own. */
static gboolean end_lease(const VkProgram *program, const char *id, GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_WRITE, error);
	g_autoptr(GPtrArray) findings =
		g_ptr_array_new_with_free_func((GDestroyNotify)vk_finding_free);

	if (!vault || !vk_doctor_end_lease(vault, id, findings, error))
		return FALSE;
	if (program->json)
		print_json(findings);
	else
		print_text(findings);
	return TRUE;
}

gboolean vk_cmd_doctor(VkProgram *program, int argc, char **argv, GError **error)
{
	gboolean fix = FALSE, release = FALSE;
	g_autofree char *lease = NULL;
	const GOptionEntry entries[] = {
		{"fix", 0, 0, G_OPTION_ARG_NONE, &fix, "Fix what earlier backups left", NULL},
		{"release", 0, 0, G_OPTION_ARG_NONE, &release,
		 "Remove virtkeep's checkpoints from the guests, to allow internal snapshots",
		 NULL},
		{"end-lease", 0, 0, G_OPTION_ARG_STRING, &lease,
		 "End a lease in the vault: its process is gone and its host will not come back",
		 "ID"},
		G_OPTION_ENTRY_NULL,
	};
	char **names = NULL;

	if (!vk_cmd_parse(program, "doctor [GUEST...]",
			  "Looks for what earlier backups may have left in guests and on the host.",
			  entries, -1, argc, argv, &names, error))
		return FALSE;
	if (release && (fix || !names[0]))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--release needs names of guests, and excludes --fix: try "
			       "'virtkeep --help'");
	if (lease && (fix || release || names[0]))
		return vk_fail(error, VK_ERROR_USAGE,
			       "--end-lease stands alone: run 'virtkeep doctor --end-lease %s'",
			       lease);
	if (lease)
		return end_lease(program, lease, error);
	return run(program, names, fix, release, error);
}
