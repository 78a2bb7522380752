/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkTable: rows of text for people, printed in aligned columns. And the words for numbers that
 * the commands print alike.
 */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct VkTable VkTable;

/* FIRST and what follows, ended by NULL, are the headings of the columns. */
VkTable *vk_table_new(const char *first, ...) G_GNUC_NULL_TERMINATED;

/* Adds a row: FIRST and what follows, ended by NULL, one text a column. Copies them. */
void vk_table_add(VkTable *table, const char *first, ...) G_GNUC_NULL_TERMINATED;

/*
 * Prints on stdout, or elsewhere. Columns whose cells are numbers or sizes are aligned at the
 * right.
 */
void vk_table_print(const VkTable *table);
void vk_table_print_to(const VkTable *table, FILE *stream);
void vk_table_free(VkTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkTable, vk_table_free)

/* "1.5 GiB". New string. */
char *vk_size_text(guint64 bytes);

/* "12.3 ms"; "-" for none. New string. */
char *vk_pause_text(guint64 usec);

/* "0.8 s", "2:05 min", "3:02:05 h"; "-" for none. New string. */
char *vk_duration_text(guint64 usec);

/* "45 s", "5 min", "3 h 12 min", "2 d 4 h"; "-" for less than nothing. New string. */
char *vk_age_text(gint64 seconds);
