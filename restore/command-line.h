/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of virtkeep-restore as words on its command line, and their help. Threads: one at a
 * time.
 */
#pragma once

#include "complete.h"
#include "restore-options.h"

#include <glib.h>

/*
 * Adds OPTIONS to CONTEXT's main group, and to COMPLETION (nullable). They must outlive the parse.
 */
void vk_restore_options_add(VkRestoreOptions *options, VkCompletion *completion,
			    GOptionContext *context);
