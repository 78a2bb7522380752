/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyReader: reading copies that lie on arrays, for a vault that knows no array.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <jansson.h>

/*
 * How copies that lie on arrays are read. The vault keeps only their descriptions, and the arrays
 * know no vault: whoever has both gives this to the vault. Threads: the calls are free.
 */
typedef struct VkCopyReader {
	/* From its array, else from a replica. VK_ERROR_NOT_FOUND when neither has it. */
	VkImage *(*open)(gpointer data, const json_t *copy, GError **error);
	/* Whether its array still has it. FALSE, for a minute, for one that does not answer. */
	gboolean (*has)(gpointer data, const json_t *copy);
	/*
	 * The array that has a replica of it which can be read here. New string; NULL: none has. It
	 * may take minutes, for all that are configured are asked.
	 */
	char *(*replica)(gpointer data, const json_t *copy);
	gpointer data;
} VkCopyReader;
