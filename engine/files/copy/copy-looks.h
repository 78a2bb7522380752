/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkLooks: what a copy gets besides its content: owner, mode, extended attributes and time. A
 * directory gets it when all is in it, so that nobody whom it lets in meets what is half written.
 * Threads: one at a time.
 */
#pragma once

#include "guest-files.h"

#include <glib.h>

typedef struct VkLooks VkLooks;

/* The looks of ENTRY: with ARCHIVE all that root can keep, else what any user can. */
VkLooks *vk_looks_new(const VkEntry *entry, gboolean archive);
void vk_looks_free(VkLooks *looks); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkLooks, vk_looks_free)

/*
 * Adds an attribute if it is of use on a host. VALUE is copied. FALSE: there are too many already.
 */
gboolean vk_looks_add(VkLooks *looks, const char *name, const guint8 *value, gsize length);

/* This host refuses the attribute NAME of PATH, by the errno TROUBLE. */
typedef void (*VkLooksRefused)(gpointer data, const char *path, const char *name, int trouble);

/*
 * Gives them to the file or directory FD; PATH is for REFUSED, which is called once for each
 * attribute that cannot be set. A file system that has none of its kind is no trouble without
 * ARCHIVE. FALSE with errno when something else fails.
 */
gboolean vk_looks_set(const VkLooks *looks, int fd, const char *path, VkLooksRefused refused,
		      gpointer data);

/* Gives the owner and the time to the symbolic link NAME in DIRECTORY, likewise. */
gboolean vk_looks_set_link(const VkLooks *looks, int directory, const char *name);
