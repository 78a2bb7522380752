/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases in the vault: of processes that are gone, and of those that a collector took for dead. */
#include "doctor-priv.h"

#include "errors.h"
#include "vault-leases.h"

static const char *kind_words(VkLeaseKind kind)
{
	switch (kind) {
	case VK_LEASE_WRITE:
		return "a backup";
	case VK_LEASE_READ:
		return "a restore, a mount or a check";
	case VK_LEASE_COLLECT:
		return "a garbage collection";
	case VK_LEASE_UNKNOWN:
		break;
	}
	return "an unknown work";
}

/* What the lease belongs to. New string. */
static char *describe(const VkLeaseInfo *info)
{
	return g_strdup_printf("the lease '%s' of %s (host '%s', process %" G_GINT64_FORMAT
			       ", since %s)",
			       info->id, kind_words(info->kind), info->host ? info->host : "?",
			       info->pid, info->since ? info->since : "?");
}

/* WHAT is taken over. */
static void add_fixable(const VkDoctorOptions *options, GPtrArray *findings,
			const VkLeaseInfo *info, char *what)
{
	g_autoptr(GError) trouble = NULL;
	VkFinding *finding =
		vk_finding_add(findings, NULL, "lease", what, vk_finding_fix_command());

	if (!options->fix)
		return;
	finding->fixed = vk_vault_clear_lease(options->vault, info, &trouble);
	if (!finding->fixed)
		vk_finding_set_obstacle(finding, trouble->message);
}

static void add_dead(const VkDoctorOptions *options, GPtrArray *findings, const VkLeaseInfo *info)
{
	g_autofree char *lease = describe(info);

	add_fixable(options, findings, info,
		    g_strdup_printf("%s is of a process that was killed", lease));
}

static void add_announcement(const VkDoctorOptions *options, GPtrArray *findings,
			     const VkLeaseInfo *info)
{
	add_fixable(options, findings, info,
		    g_strdup_printf("the announcement 'gc/%s' is of a garbage collection that has "
				    "ended; backups store again what it names",
				    info->id));
}

static void examine(const VkDoctorOptions *options, GPtrArray *findings, const VkLeaseInfo *info)
{
	g_autofree char *lease = describe(info);

	if (info->is_local_and_dead)
		add_dead(options, findings, info);
	else if (info->fenced)
		vk_finding_add(findings, NULL, "lease",
			       g_strdup_printf("%s was silent for so long that it was taken for "
					       "dead; if that host does not come back, run "
					       "'virtkeep doctor --end-lease %s'",
					       lease, info->id),
			       NULL);
	else if (info->kind == VK_LEASE_UNKNOWN)
		vk_finding_add(findings, NULL, "lease",
			       g_strdup_printf("the lease '%s' cannot be read and keeps forgotten "
					       "snapshots; if nobody works on the vault, run "
					       "'virtkeep doctor --end-lease %s'",
					       info->id, info->id),
			       NULL);
}

/*
 * A collection that ended since its announcement was listed has removed it: what counts is what is
 * there once more.
 */
static gboolean examine_ended(const VkDoctorOptions *options, GPtrArray *findings, GError **error)
{
	g_autoptr(GPtrArray) infos = vk_vault_leases(options->vault, error);

	for (guint i = 0; infos && i < infos->len; i++) {
		const VkLeaseInfo *info = g_ptr_array_index(infos, i);

		if (info->ended && info->announces)
			add_announcement(options, findings, info);
	}
	return infos != NULL;
}

gboolean vk_doctor_vault(const VkDoctorOptions *options, GPtrArray *findings, GError **error)
{
	g_autoptr(GPtrArray) infos = options->vault ? vk_vault_leases(options->vault, error) : NULL;
	gboolean left = FALSE;

	for (guint i = 0; infos && i < infos->len; i++) {
		const VkLeaseInfo *info = g_ptr_array_index(infos, i);

		if (!info->ended)
			examine(options, findings, info);
		left = left || (info->ended && info->announces);
	}
	if (options->vault)
		vk_doctor_examine_chains(options, findings);
	if (left)
		return examine_ended(options, findings, error);
	return infos || !options->vault;
}

static const VkLeaseInfo *find_lease(VkVault *vault, const GPtrArray *infos, const char *id,
				     GError **error)
{
	for (guint i = 0; i < infos->len; i++) {
		const VkLeaseInfo *info = g_ptr_array_index(infos, i);

		if (g_str_equal(info->id, id))
			return info;
	}
	vk_fail(error, VK_ERROR_NOT_FOUND,
		"the vault '%s' has no lease '%s': 'virtkeep gc' and 'virtkeep doctor' name those "
		"that keep something",
		vk_vault_url(vault), id);
	return NULL;
}

gboolean vk_doctor_end_lease(VkVault *vault, const char *id, GPtrArray *findings, GError **error)
{
	g_autoptr(GPtrArray) infos = vk_vault_leases(vault, error);
	const VkLeaseInfo *info = infos ? find_lease(vault, infos, id, error) : NULL;

	if (!info || !vk_vault_end_lease(vault, info, error))
		return FALSE;
	vk_finding_add(findings, NULL, "lease", describe(info), NULL)->fixed = TRUE;
	return TRUE;
}
