/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image.h"

#include <glib.h>
#include <jansson.h>

/*
 * How copies that lie on arrays are read: the vault only keeps what tells them, the arrays know no
 * vault, and whoever has both gives the one to the other. Threads: the calls are free.
 */
typedef struct VkCopyReader {
	/* VK_ERROR_NOT_FOUND when the array has it no more. */
	VkImage *(*open)(gpointer data, const json_t *copy, GError **error);
	/* Whether the array still has it. */
	gboolean (*has)(gpointer data, const json_t *copy);
	gpointer data;
} VkCopyReader;
