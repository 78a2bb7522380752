/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of a guest's snapshots is meant by what people write behind the '@'. */
#pragma once

#include "catalog.h"
#include "when.h"

#include <glib.h>

/*
 * The one of KEYS (VkSnapshotKey*, of one guest, the newest last, at least one) that WHEN means;
 * TEXT is how it was written, GUEST is for the error. VK_ERROR_NOT_FOUND tells what there is, an
 * id's digits that several have are VK_ERROR_USAGE. Borrowed.
 */
const VkSnapshotKey *vk_choose_snapshot(const GPtrArray *keys, const VkWhen *when, const char *text,
					const char *guest, GError **error);
