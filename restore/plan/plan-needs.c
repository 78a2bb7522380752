/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a restored guest needs of its host. It is connected to other networks if that was asked for.
 * What the host lacks is reported before anything is written.
 */
#include "planner-priv.h"

#include "errors.h"

#include <string.h>

/* "[network:|bridge:]NAME" after the '='. Strings are borrowed from the options. */
static VkDomainNewNetwork parse_new(const char *old, const char *value)
{
	VkDomainNewNetwork network = {.old = old, .name = value};

	if (g_str_has_prefix(value, "network:")) {
		network.type = "network";
		network.name = value + strlen("network:");
	} else if (g_str_has_prefix(value, "bridge:")) {
		network.type = "bridge";
		network.name = value + strlen("bridge:");
	}
	return network;
}

void vk_planner_set_networks(VkPlanner *planner)
{
	planner->changes.drop_networks = planner->options->no_network;
	for (char **word = planner->options->networks; word && *word; word++) {
		const char *equals = strchr(*word, '=');
		char *old = g_strndup(*word, (gsize)(equals - *word));
		VkDomainNewNetwork network = parse_new(old, equals + 1);

		g_ptr_array_add(planner->words, old);
		g_array_append_val(planner->changes.networks, network);
	}
}

/* The host does not lack what the plan itself brings. */
static gboolean is_brought(const VkRestorePlan *plan, const VkNeed *need)
{
	for (guint i = 0; need->kind == VK_NEED_FILE && i < plan->items->len; i++) {
		const VkRestoreItem *item = g_ptr_array_index(plan->items, i);

		if (g_strcmp0(item->path, need->name) == 0)
			return TRUE;
	}
	return FALSE;
}

static const char *remedy_of(const VkNeed *need)
{
	return need->kind == VK_NEED_NETWORK || need->kind == VK_NEED_BRIDGE
		       ? ", or use --network OLD=NEW or --no-network"
		       : "";
}

/* "network 'x' does not exist" for all that is lacking, or NULL. New string. */
static gboolean find_lacking(const VkPlanner *planner, GString *lacking, const char **ret_remedy,
			     GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autoptr(GPtrArray) needs = vk_needs_of(plan->domain_xml, error);

	if (!needs)
		return FALSE;
	for (guint i = 0; i < needs->len; i++) {
		const VkNeed *need = g_ptr_array_index(needs, i);
		g_autofree char *label = vk_need_label(need);
		const char *lack = NULL;

		if (is_brought(plan, need))
			continue;
		if (!planner->facts->ops->check_need(planner->facts, need, &lack, error))
			return FALSE;
		if (!lack)
			continue;
		g_string_append_printf(lacking, "%s%s %s", lacking->len ? ", " : "", label, lack);
		if (*remedy_of(need))
			*ret_remedy = remedy_of(need);
	}
	return TRUE;
}

gboolean vk_planner_check_needs(VkPlanner *planner, GError **error)
{
	VkRestorePlan *plan = planner->plan;
	g_autoptr(GString) lacking = g_string_new(NULL);
	const char *remedy = "";

	if (planner->is_offline)
		return TRUE;
	if (!find_lacking(planner, lacking, &remedy, error))
		return FALSE;
	if (lacking->len == 0)
		return TRUE;
	if (plan->start || plan->was_running)
		return vk_fail(
			error, VK_ERROR_FAILED,
			"guest '%s' would not start on this host: %s; make what is missing%s",
			plan->guest, lacking->str, remedy);
	vk_restore_plan_note(plan,
			     "the guest will not start on this host as it is: %s; make what is "
			     "missing%s",
			     lacking->str, remedy);
	return TRUE;
}
