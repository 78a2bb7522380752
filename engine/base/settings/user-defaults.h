/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defaults for a user other than root, who backs up the guests of his own libvirt: his directories
 * by the XDG base directory specification. Threads: free.
 */
#pragma once

#include <glib.h>

/* The default of [GROUP] KEY for this user; NULL: as for root. Lives as long as the program. */
const char *vk_user_default(const char *group, const char *key);

/* The configuration that is read when none is named; it need not exist. Likewise. */
const char *vk_user_config_path(void);

/*
 * Where files may be kept that can be made anew: $CACHE_DIRECTORY, which systemd sets, or root's or
 * the user's own directory of caches. New string.
 */
char *vk_user_cache_directory(void);
