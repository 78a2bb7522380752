/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A note in an image file, as an extended attribute, that a restore has written it, and of which
 * snapshot. It is for people: the next backup can say why it reads the whole image. A file system
 * that keeps no attributes goes without. Threads: free.
 */
#pragma once

#include <glib.h>

/* Notes the snapshot's TIME in the open file. */
void vk_origin_set(int fd, const char *time);

/* The TIME that is noted in the file PATH, if it is of that very file; else NULL. New string. */
char *vk_origin_get(const char *path);
