/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trailer of a pack, which says where its table lies. Threads: free. */
#pragma once

#include "store.h"
#include "format.h"

#include <glib.h>

/* Fills in the checksum of a trailer that has all else. */
void vk_pack_trailer_seal(VkPackTrailer *trailer);

/* Whether it is a trailer with the right checksum. */
gboolean vk_pack_trailer_is_sound(const VkPackTrailer *trailer);

/* VK_ERROR_DAMAGE unless all that TRAILER speaks of lies between the header and END. */
gboolean vk_pack_trailer_check(const VkPackTrailer *trailer, guint64 end, const char *object,
			       GError **error);

/*
 * Takes it from TAIL, the last bytes of OBJECT, which has SIZE: as many as a trailer has, unless it
 * has fewer. Checks it: VK_ERROR_DAMAGE.
 */
gboolean vk_pack_trailer_parse(GBytes *tail, guint64 size, const char *object, VkPackTrailer *ret,
			       GError **error);

/* Reads and checks it. VK_ERROR_DAMAGE; VK_ERROR_NOT_FOUND when there is no such object. */
gboolean vk_pack_trailer_read(VkStore *store, const char *object, VkPackTrailer *ret,
			      GError **error);
