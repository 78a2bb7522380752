/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole guest where libvirt cannot be asked, as on a host that is just being made: all of it goes
 * into one directory, and one command is left to be run when libvirt is there.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

gboolean vk_planner_go_offline(VkPlanner *planner, const GError *reason, GError **error)
{
	g_autofree char *name = vk_place_file_name(planner->plan->guest, "swtpm");

	if (planner->options->start)
		return vk_fail(error, VK_ERROR_FAILED,
			       "the guest cannot be started: %s; without --start its files are "
			       "restored all the same",
			       reason->message);
	planner->is_offline = TRUE;
	planner->tpm_directory = g_build_filename(planner->options->directory, name, NULL);
	vk_restore_plan_note(planner->plan, "the guest is not defined: %s", reason->message);
	return TRUE;
}

static gboolean has_tpm(const VkRestorePlan *plan)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (item->owner_directory)
			return TRUE;
	}
	return FALSE;
}

/* New string. */
static char *command_left(const VkPlanner *planner, const char *definition)
{
	g_autofree char *tpm = g_shell_quote(planner->facts->tpm_directory);
	g_autofree char *quoted = g_shell_quote(definition);
	g_autofree char *state = g_strdup_printf("%s/.", planner->tpm_directory);
	g_autofree char *quoted_state = g_shell_quote(state);

	if (!has_tpm(planner->plan))
		return g_strdup_printf("virsh define %s", quoted);
	return g_strdup_printf("mkdir -p %s && cp -a %s %s/ && virsh define %s", tpm, quoted_state,
			       tpm, quoted);
}

gboolean vk_planner_finish_offline(VkPlanner *planner, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autofree char *name = vk_place_file_name(plan->guest, VK_VIEW_DEFINITION);
	g_autofree char *path = g_build_filename(planner->options->directory, name, NULL);
	VkRestoreItem *item;

	plan->kind = VK_RESTORE_PARTS;
	plan->autostart = FALSE;
	plan->definition = g_steal_pointer(&plan->domain_xml);
	item = vk_restore_plan_add_item(plan, VK_VIEW_DEFINITION, FALSE, strlen(plan->definition));
	item->text = plan->definition;
	if (!vk_place_set(item, path, planner->replace, planner->options->force, "", error))
		return FALSE;
	plan->command = command_left(planner, path);
	return TRUE;
}
