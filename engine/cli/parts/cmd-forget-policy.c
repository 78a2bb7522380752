/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep forget --policy". */
#include "cmd-forget.h"

#include "array-drivers.h"
#include "current-task.h"
#include "errors.h"
#include "forget-plan.h"
#include "json.h"
#include "log.h"
#include "open-vault.h"
#include "text.h"

/* A job is for the guests of the host, so it has to know them. */
static gboolean load_presence(const VkProgram *program, const char *job, VkPresence **ret,
			      GError **error)
{
	g_autoptr(GError) trouble = NULL;

	*ret = vk_presence_load(vk_program_libvirt_uri(program), &trouble);
	if (*ret)
		return TRUE;
	if (job) {
		g_propagate_error(error, g_steal_pointer(&trouble));
		return FALSE;
	}
	/* There is to be none: so nobody has to hear of it. */
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_NOT_FOUND))
		return TRUE;
	vk_log_warning("no guest counts as gone, because libvirt does not answer: %s",
		       trouble->message);
	return TRUE;
}

static void print(const VkProgram *program, const GPtrArray *plan, gboolean dry_run)
{
	if (program->json)
		return;
	if (dry_run)
		vk_forget_print_plan(plan);
	else
		vk_forget_print_done(plan);
}

/* Borrowed keys of those that the plan forgets. */
static GPtrArray *list_forgotten(const GPtrArray *plan)
{
	GPtrArray *keys = g_ptr_array_new();

	for (guint i = 0; i < plan->len; i++) {
		const GPtrArray *items = ((VkForgetGuest *)g_ptr_array_index(plan, i))->items;

		for (guint j = 0; j < items->len; j++) {
			const VkForgetItem *item = g_ptr_array_index(items, j);

			if (!vk_forget_is_kept(item))
				g_ptr_array_add(keys, item->key);
		}
	}
	return keys;
}

static GError *new_trouble(guint refused)
{
	g_autofree char *count = vk_count_text(refused, "snapshot");
	GError *trouble = NULL;

	if (refused > 0)
		vk_fail(&trouble, VK_ERROR_PARTIAL, "%s could not be forgotten", count);
	return trouble;
}

static VkVault *open_vault(const VkProgram *program, const VkForgetHow *how, GError **error)
{
	if (!how->dry_run)
		vk_task_begin(program->settings, "forget");
	return vk_open_vault(program, NULL, how->dry_run ? VK_VAULT_READ : VK_VAULT_WRITE, error);
}

gboolean vk_forget_count(const VkProgram *program, const char *job, guint *ret_count,
			 GError **error)
{
	g_autoptr(VkVault) vault = vk_open_vault(program, NULL, VK_VAULT_READ, error);
	g_autoptr(VkArrays) arrays =
		vault ? vk_arrays_new(program->settings, vk_log_warning, error) : NULL;
	g_autoptr(VkPresence) presence = NULL;
	VkForgetFacts facts = {
		.vault = vault,
		.arrays = arrays,
		.settings = program->settings,
		.job = job,
		.now = g_get_real_time() / G_USEC_PER_SEC,
	};
	g_autoptr(GPtrArray) plan = NULL;

	*ret_count = 0;
	if (!arrays || !load_presence(program, job, &presence, error))
		return FALSE;
	facts.presence = presence;
	plan = vk_forget_plan(&facts, NULL, error);
	for (guint i = 0; plan && i < plan->len; i++)
		*ret_count += ((const VkForgetGuest *)g_ptr_array_index(plan, i))->n_forgotten;
	return plan != NULL;
}

gboolean vk_cmd_forget_policy(VkProgram *program, char *const *names, const VkForgetHow *how,
			      GError **error)
{
	g_autoptr(VkVault) vault = open_vault(program, how, error);
	g_autoptr(VkArrays) arrays =
		vault ? vk_arrays_new(program->settings, vk_log_warning, error) : NULL;
	g_autoptr(VkPresence) presence = NULL;
	VkForgetFacts facts = {
		.vault = vault,
		.arrays = arrays,
		.settings = program->settings,
		.job = how->job,
		.now = g_get_real_time() / G_USEC_PER_SEC,
	};
	g_autoptr(GPtrArray) plan = NULL;
	g_autoptr(GPtrArray) keys = NULL;
	g_autoptr(json_t) json = NULL;
	guint refused = 0;
	gboolean done;

	if (!arrays || !load_presence(program, how->job, &presence, error))
		return FALSE;
	facts.presence = presence;
	plan = vk_forget_plan(&facts, names, error);
	if (!plan || (!how->dry_run && !vk_forget_apply(vault, plan, &refused, error)))
		return FALSE;
	print(program, plan, how->dry_run);
	json = vk_forget_to_json(plan, how->dry_run);
	keys = list_forgotten(plan);
	done = vk_forget_collect(program, vault, how, keys, json, new_trouble(refused), error);
	vk_task_result(json, program->json);
	return done;
}
