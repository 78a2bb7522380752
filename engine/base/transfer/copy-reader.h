/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCopyReader: the vault reads copies that lie on arrays with it, and needs to know no array.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <jansson.h>

/*
 * The vault keeps only the descriptions of these copies, and arrays do not know the vault. A
 * program that has both gives this table to the vault. Threads: the calls are free.
 */
typedef struct VkCopyReader {
	/* From its array, else from a replica. VK_ERROR_NOT_FOUND when neither has it. */
	VkImage *(*open)(gpointer data, const json_t *copy, GError **error);
	/* Whether its array still has it. FALSE for a minute if the array does not answer. */
	gboolean (*has)(gpointer data, const json_t *copy);
	/*
	 * The array that has a replica of it which can be read here. New string; NULL: none has. It
	 * may take minutes, because it asks all configured arrays.
	 */
	char *(*replica)(gpointer data, const json_t *copy);
	gpointer data;
} VkCopyReader;
