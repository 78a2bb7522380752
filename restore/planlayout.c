/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a restored image is made of. Its options are those of the original; data file and backing files
 * are not made again, for others may have them: that is told.
 */
#include "planner.h"

#include "qcow2-layout.h"

static void note_data_file(VkPlan *plan, const VkPlanItem *item)
{
	const char *file = vk_qcow2_layout_data_file(item->layout);

	if (file)
		vk_plan_note(plan,
			     "disk '%s' kept its data in '%s' and comes back as one file, which "
			     "leaves that alone",
			     item->name, file);
}

static void note_chain(VkPlan *plan, const VkPlanItem *item)
{
	const json_t *chain = json_object_get(item->layout, "chain");
	const char *nearest = json_string_value(json_object_get(json_array_get(chain, 0), "path"));
	gsize count = json_array_size(chain);

	if (!nearest)
		return;
	if (count == 1)
		vk_plan_note(plan,
			     "disk '%s' had the backing file '%s' and comes back as one file that "
			     "needs none",
			     item->name, nearest);
	else
		vk_plan_note(plan,
			     "disk '%s' had %zu backing files, '%s' the nearest, and comes back as "
			     "one file that needs none",
			     item->name, count, nearest);
}

void vk_plan_note_layouts(VkPlan *plan)
{
	for (guint i = 0; i < plan->items->len; i++) {
		const VkPlanItem *item = g_ptr_array_index(plan->items, i);

		if (!item->layout || item->clone)
			continue;
		note_data_file(plan, item);
		note_chain(plan, item);
	}
}
