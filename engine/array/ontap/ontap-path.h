/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the names of junctions and LUNs mean. Only for the ONTAP driver. No array or host is asked.
 * Threads: free.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define VK_ONTAP_SERIAL_LENGTH 12

/*
 * The volume (a record with nas.path) that has PATH of the SVM's name space, by the longest
 * junction, whose letters' case does not matter. *RET_INSIDE is the rest of PATH, without a slash
 * at its beginning. Both borrowed; NULL: none.
 */
const json_t *vk_ontap_find_volume(const json_t *volumes, const char *path,
				   const char **ret_inside);

/*
 * The serial number in a WWID of an ONTAP LUN ("3600a0980" and 24 hex digits). FALSE for that of
 * another storage.
 */
gboolean vk_ontap_serial_of_wwid(const char *wwid, char ret_serial[VK_ONTAP_SERIAL_LENGTH + 1]);

/* And back. New string. */
char *vk_ontap_wwid_of_serial(const char *serial);

/* An ISO 8601 duration ("P1DT2H", "PT8H35M42S", "P2W") in seconds. FALSE for another text. */
gboolean vk_ontap_parse_duration(const char *text, guint64 *ret_seconds);
