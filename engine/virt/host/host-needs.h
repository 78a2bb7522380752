/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a host has what a definition needs. Threads: free. */
#pragma once

#include "domain-needs.h"
#include "host.h"

#include <glib.h>

/*
 * Whether HOST, this machine, has NEED. *RET_LACK is NULL when it does, else what is wrong: "does
 * not exist", "is not active". Static string.
 */
gboolean vk_host_check_need(VkHost *host, const VkNeed *need, const char **ret_lack,
			    GError **error);
