/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finding.h"

void vk_finding_free(VkFinding *finding)
{
	g_free(finding->guest);
	g_free(finding->what);
	g_free(finding->remedy);
	g_free(finding);
}

VkFinding *vk_finding_add(GPtrArray *findings, const char *guest, const char *kind, char *what,
			  char *remedy)
{
	VkFinding *finding = g_new0(VkFinding, 1);

	finding->guest = g_strdup(guest);
	finding->kind = kind;
	finding->what = what;
	finding->remedy = remedy;
	g_ptr_array_add(findings, finding);
	return finding;
}

char *vk_finding_fix_command(void)
{
	return g_strdup("virtkeep doctor --fix");
}

void vk_finding_set_obstacle(VkFinding *finding, const char *reason)
{
	g_autofree char *what = g_steal_pointer(&finding->what);

	finding->what = g_strdup_printf("%s; cannot be removed: %s", what, reason);
}
