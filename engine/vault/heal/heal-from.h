/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a healer may find the content of damaged blocks. What is found is known by its id, so it
 * does not matter where it was, nor whether it changes meanwhile. What was taken is put now and
 * then. Threads: one caller at a time.
 */
#pragma once

#include "healer.h"
#include "image.h"
#include "progress.h"

#include <glib.h>

/*
 * Offers each block of IMAGE, wherever the same content was in a snapshot. IDS makes the ids of the
 * healer's vault. What cannot be read is passed over. Stops on vk_interrupted().
 */
gboolean vk_heal_from_image(VkHealer *healer, VkHasher *ids, VkImage *image, VkProgress *progress,
			    GError **error);

/*
 * Offers what OTHER, a copy of the healer's vault, has in the same slots. IDS as above. Stops on
 * vk_interrupted().
 */
gboolean vk_heal_from_vault(VkHealer *healer, VkHasher *ids, VkVault *other, GError **error);
