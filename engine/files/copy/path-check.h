/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkPathCheck: whether the entries of a walk have their places: what was asked for comes first,
 * each other one comes after its directory and before the walk leaves that, and no name comes
 * twice. Whoever unpacks them in that order follows no symbolic link. Threads: one at a time.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkPathCheck VkPathCheck;

VkPathCheck *vk_path_check_new(void);
void vk_path_check_free(VkPathCheck *check); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkPathCheck, vk_path_check_free)

/* The next entry is the first of another walk. */
void vk_path_check_begin(VkPathCheck *check);

/* Why ENTRY has no place, for people; NULL: it has one, and what is in it has one later. */
const char *vk_path_check_fault(VkPathCheck *check, const VkEntry *entry);
