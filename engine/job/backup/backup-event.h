/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a backup tells of each guest (event.h). Threads: free. */
#pragma once

#include "snapshot.h"

#include <glib.h>

/* SNAPSHOT is committed. */
void vk_backup_tell_saved(const VkSnapshot *snapshot);

/* The guest NAME failed with TROUBLE. SAY it also to people, because nobody else does. */
void vk_backup_tell_failed(const char *name, const GError *trouble, gboolean say);
