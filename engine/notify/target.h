/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTarget: whom notices go to, a section [notify NAME], and the sending by each kind of target.
 * Secrets are read when they are needed, and are in no error, argument or environment. Threads: one
 * at a time.
 */
#pragma once

#include "notice.h"
#include "settings.h"

#include <glib.h>

typedef struct VkTarget VkTarget;

/* VK_ERROR_USAGE says what the section lacks, without its name. SETTINGS are borrowed. */
VkTarget *vk_target_new(const VkSettings *settings, const char *name, GError **error);
void vk_target_free(VkTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTarget, vk_target_free)

const char *vk_target_name(const VkTarget *target);

/* Whether it wants NOTICE. A test is always wanted. */
gboolean vk_target_wants(const VkTarget *target, const VkNotice *notice);

/* Whether it is to hear of each task, also of the same trouble: it watches that they come. */
gboolean vk_target_is_ping(const VkTarget *target);

/* Sends NOTICE before DEADLINE (g_get_monotonic_time). */
gboolean vk_target_send(const VkTarget *target, const VkNotice *notice, gint64 deadline,
			GError **error);
