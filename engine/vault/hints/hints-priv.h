/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of VkHints, for its tests. */
#pragma once

#include "hints.h"

/* vk_hints_open() with another limit of hints in memory, so that few are enough to spill. */
VkHints *vk_hints_open_sized(const VkHintsPlace *place, guint memory_entries, GError **error);
