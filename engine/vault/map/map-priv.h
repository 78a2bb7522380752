/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a VkMap is made of, for map*.c. */
#pragma once

#include "map.h"

struct VkMap {
	VkBlockCache *cache;
	const GPtrArray *runs;
	guint32 blocks;
};
