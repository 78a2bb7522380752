/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "group.h"

#include "errors.h"
#include "interrupt.h"
#include "timestamp.h"

/* How often a waiting member looks for an interruption. */
#define PERIOD_USEC (100 * G_TIME_SPAN_MILLISECOND)

struct VkGroup {
	char *id;
	GMutex mutex;
	GCond changed;
	/* Under the mutex: */
	guint members;
	guint arrived[VK_GROUP_STAGES];
	gboolean complete[VK_GROUP_STAGES];
	gint64 time;        /* of the stage "held" */
	gint64 first, last; /* points in time, monotonic; 0: none yet */
};

VkGroup *vk_group_new(guint members)
{
	VkGroup *group = g_new0(VkGroup, 1);
	g_autofree char *now = vk_time_format(g_get_real_time() / G_USEC_PER_SEC);

	/* Two hosts may begin a group in the same second. */
	group->id = g_strdup_printf("%s-%08x", now, g_random_int());
	group->members = members;
	g_mutex_init(&group->mutex);
	g_cond_init(&group->changed);
	return group;
}

void vk_group_free(VkGroup *group)
{
	if (!group)
		return;
	g_mutex_clear(&group->mutex);
	g_cond_clear(&group->changed);
	g_free(group->id);
	g_free(group);
}

const char *vk_group_id(const VkGroup *group)
{
	return group->id;
}

static void complete_stages_locked(VkGroup *group)
{
	for (int stage = 0; stage < VK_GROUP_STAGES; stage++) {
		if (group->complete[stage] || group->arrived[stage] < group->members)
			continue;
		group->complete[stage] = TRUE;
		if (stage == VK_GROUP_HELD)
			group->time = g_get_real_time() / G_USEC_PER_SEC;
		g_cond_broadcast(&group->changed);
	}
}

gboolean vk_group_wait(VkGroup *group, VkGroupStage stage, gint64 deadline, GError **error)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->mutex);

	group->arrived[stage]++;
	complete_stages_locked(group);
	while (!group->complete[stage]) {
		gint64 now = g_get_monotonic_time();

		if (!vk_interrupted() && now < deadline) {
			g_cond_wait_until(&group->changed, &group->mutex,
					  MIN(deadline, now + PERIOD_USEC));
			continue;
		}
		group->arrived[stage]--;
		if (vk_interrupted())
			return vk_fail_interrupted(error);
		return vk_fail(error, VK_ERROR_FAILED,
			       "the other guests of its group were not ready in time");
	}
	return TRUE;
}

void vk_group_leave(VkGroup *group)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->mutex);

	group->members--;
	/* It had come to the complete stages; the later ones do without it. */
	complete_stages_locked(group);
}

void vk_group_note_point(VkGroup *group)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->mutex);
	gint64 now = g_get_monotonic_time();

	if (group->first == 0)
		group->first = now;
	group->last = now;
}

guint64 vk_group_skew_usec(VkGroup *group)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->mutex);

	return (guint64)(group->last - group->first);
}

gint64 vk_group_time(VkGroup *group)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->mutex);

	return group->time;
}
