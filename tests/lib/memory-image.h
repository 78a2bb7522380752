/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An image in memory, with a part that cannot be read. */
#pragma once

#include "image.h"

#include <glib.h>

typedef struct MemoryImage {
	VkImage base;
	guint8 *bytes;         /* base.size of them; owned */
	guint64 damaged_from;  /* from here on ... */
	guint64 damaged_until; /* ... to here reads fail, */
	int damage;            /* with this code */
	guint64 reads;         /* bytes that were read */
} MemoryImage;

/* SIZE zeros. The caller frees it by vk_image_free(). */
MemoryImage *memory_image_new(guint64 size);
