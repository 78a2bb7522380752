/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * W6 of a snapshot of another vault. Its name is not new: this vault may have had it, and others
 * may be putting it. For sessions only.
 */
#pragma once

#include "session.h"
#include "snapshot.h"

#include <glib.h>

/*
 * Whether SNAPSHOT may be put now; to be asked after the session's intent is there, so that of two
 * who put the same one at least one sees the other. VK_ERROR_BUSY: another session puts it, or
 * something is left of it from when it was removed. VK_ERROR_EXISTS: it is there by now.
 */
gboolean vk_commit_again_check(VkSession *session, const VkSnapshot *snapshot, GError **error);
