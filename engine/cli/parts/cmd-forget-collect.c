/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "virtkeep forget --gc". */
#include "cmd-forget.h"

#include "cmd-gc.h"
#include "log.h"

gboolean vk_forget_collect(const VkProgram *program, VkVault *vault, const VkForgetHow *how,
			   const GPtrArray *forgotten, json_t *json, GError *trouble,
			   GError **error)
{
	const VkCollectOptions options = {
		.dry_run = how->dry_run,
		.would_forget = how->dry_run ? forgotten : NULL,
	};
	gboolean collected = TRUE;
	VkGcReport report;

	if (how->gc) {
		collected = vk_gc_run(program, vault, &options, &report, error);
		json_object_set_new(json, "gc", vk_gc_to_json(&report));
		if (!program->json && !program->quiet && (collected || vk_gc_did_anything(&report)))
			vk_gc_print(&report);
	}
	if (!trouble)
		return collected;
	if (collected) {
		g_propagate_error(error, trouble);
	} else {
		vk_log_error("%s", trouble->message);
		g_error_free(trouble);
	}
	return FALSE;
}
