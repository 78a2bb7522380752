/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generations.h"

#include "image-bed.h"

MemSource *models[GENERATIONS_MAX];
VkSnapshot *snapshots[GENERATIONS_MAX];

static VkSnapshot *save_next(MemSource *model, const VkSnapshot *parent)
{
	g_autoptr(VkSession) session = vk_session_new(vault, 2, NULL);
	VkSaveStats stats = {0};

	return commit(session, save(session, model, parent ? image_of(parent) : NULL, &stats));
}

void save_generations(guint count, guint64 size)
{
	ck_assert_uint_le(count, GENERATIONS_MAX);
	models[0] = mem_source_new(size);
	mem_source_scribble(models[0], seeded, 40, 60);
	snapshots[0] = save_next(models[0], NULL);
	for (guint i = 1; i < count; i++) {
		models[i] = mem_source_resized(models[i - 1], size);
		mem_source_scribble(models[i], seeded, 8, 60);
		mem_source_track(models[i], models[i - 1], seeded);
		snapshots[i] = save_next(models[i], snapshots[i - 1]);
	}
}

void drop_generations(void)
{
	for (guint i = 0; i < GENERATIONS_MAX && models[i]; i++) {
		g_clear_pointer(&snapshots[i], vk_snapshot_free);
		vk_source_free(&models[i]->base);
		models[i] = NULL;
	}
}
