/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files behind array.h share. */
#pragma once

#include "array-driver.h"
#include "shared-images.h"

struct VkArrays {
	GPtrArray *list; /* VkArray, in the order in which they are asked */
	VkSharedImages *images;
};

/* The array NAME of the configuration. VK_ERROR_NOT_FOUND when there is none. */
VkArray *vk_arrays_find(const VkArrays *arrays, const char *name, GError **error);
