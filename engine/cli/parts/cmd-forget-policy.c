/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep forget --policy". */
#include "cmd-forget.h"

#include "array-drivers.h"
#include "errors.h"
#include "forget-plan.h"
#include "log.h"
#include "open-vault.h"
#include "text.h"

static VkPresence *load_presence(const VkProgram *program)
{
	g_autoptr(GError) trouble = NULL;
	VkPresence *presence = vk_presence_load(vk_program_libvirt_uri(program), &trouble);

	if (!presence)
		vk_log_warning("no guest counts as gone, because libvirt does not answer: %s",
			       trouble->message);
	return presence;
}

static void print(const VkProgram *program, const GPtrArray *plan, gboolean dry_run)
{
	if (program->json)
		vk_forget_print_json(plan, dry_run);
	else if (dry_run)
		vk_forget_print_plan(plan);
	else
		vk_forget_print_done(plan);
}

gboolean vk_cmd_forget_policy(VkProgram *program, char *const *names, gboolean dry_run,
			      GError **error)
{
	g_autoptr(VkVault) vault =
		vk_open_vault(program, NULL, dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
	g_autoptr(VkArrays) arrays =
		vault ? vk_arrays_new(program->settings, vk_log_warning, error) : NULL;
	g_autoptr(VkPresence) presence = arrays ? load_presence(program) : NULL;
	const VkForgetFacts facts = {
		.vault = vault,
		.arrays = arrays,
		.settings = program->settings,
		.presence = presence,
		.now = g_get_real_time() / G_USEC_PER_SEC,
	};
	g_autoptr(GPtrArray) plan = arrays ? vk_forget_plan(&facts, names, error) : NULL;
	guint refused = 0;

	if (!plan || (!dry_run && !vk_forget_apply(vault, plan, &refused, error)))
		return FALSE;
	print(program, plan, dry_run);
	if (refused > 0) {
		g_autofree char *count = vk_count_text(refused, "snapshot");

		return vk_fail(error, VK_ERROR_PARTIAL, "%s could not be forgotten", count);
	}
	return TRUE;
}
