/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "finish.h"

#include "current-task.h"
#include "interrupt.h"
#include "log.h"
#include "metrics-file.h"
#include "notify.h"

void vk_finish_prepare(void)
{
	vk_task_on_begin(vk_notify_begin);
}

void vk_task_finished(const VkTask *task, const VkSettings *settings)
{
	if (task->id > 0)
		vk_log_debug("'virtkeep log %" G_GUINT64_FORMAT "' shows this again", task->id);
	vk_notify_task(task, settings);
	/* Who shuts the host down does not wait for that long. */
	if (!vk_interrupted())
		vk_metrics_file_update(settings);
}

void vk_finish(const VkSettings *settings, int status)
{
	g_autoptr(VkTask) task = vk_task_end(status);

	if (task)
		vk_task_finished(task, settings);
}
