/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Completion of the words that need a look at the host or into the vault: guests and snapshots. */
#pragma once

#include "complete.h"
#include "program.h"

#include <glib.h>

/*
 * A VkCompleter with a VkProgram: of the kinds "GUEST", which is a guest of the host, "SAVED", a
 * guest of the vault, "SNAPSHOT", "FORGOTTEN", a snapshot that is forgotten, and "URL", to which it
 * adds the vaults that the configuration names. A host or vault that cannot be asked offers
 * nothing.
 */
gboolean vk_complete_words(const VkCompletion *completion, const char *kind, gpointer program);
