/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ONTAP's REST interface: whole collections, changes and the wait for their jobs, and its version.
 * Only for the ONTAP driver. Threads: free, but for new and free.
 */
#pragma once

#include "ontap-http.h"

#include <glib.h>
#include <jansson.h>

/* How long ONTAP works on a change before it makes a job of it: a parameter of most changes. */
#define VK_ONTAP_AT_ONCE "return_timeout", "15"
/* While guests are held: a job that is known can be waited for, whatever becomes of the reply. */
#define VK_ONTAP_WHILE_HELD "return_timeout", "2"

/* Codes of errors that the driver handles. */
enum {
	VK_ONTAP_NO_ENTRY = 4,
	VK_ONTAP_NAME_TAKEN = 525059,
	VK_ONTAP_NO_VOLUME = 918235, /* of that uuid */
	VK_ONTAP_HAS_OWNER = 1638543,
	VK_ONTAP_IS_LOCKED = 1638555,
	VK_ONTAP_GROUP_BUSY = 53411918,
	VK_ONTAP_GROUP_NAME_TAKEN = 53411921,
	VK_ONTAP_NOT_STARTED = 53411925,
};

typedef struct VkOntapRest VkOntapRest;

/*
 * Of the section [array NAME]; both are borrowed. WARN: see ontap-http.h. Nothing is contacted yet.
 */
VkOntapRest *vk_ontap_rest_new(const VkSettings *settings, const char *name, VkWarn warn,
			       GError **error);
void vk_ontap_rest_free(VkOntapRest *rest);

/* PATH with a query of name and value pairs, NULL at their end; values are encoded. New string. */
char *vk_ontap_url(const char *path, ...) G_GNUC_NULL_TERMINATED;

/*
 * All records of a collection, over all of its pages, until DEADLINE (g_get_monotonic_time; 0: each
 * page gets the timeout, and none is asked for after four times that). An error when that comes
 * first, or when they are too long. VK_ERROR_NOT_FOUND when it is of a volume that does not exist.
 * New reference to an array.
 */
json_t *vk_ontap_list(VkOntapRest *rest, const char *url, gint64 deadline, GError **error);

/* One record. VK_ERROR_NOT_FOUND when it does not exist. New reference. */
json_t *vk_ontap_get(VkOntapRest *rest, const char *url, GError **error);

/*
 * POST, PATCH or DELETE with BODY (nullable, taken over), and the wait for its job. A DEADLINE
 * (g_get_monotonic_time) of 0 is the timeout from now. *RET must be cleared in any case. If it is
 * unsure, the caller has to look whether the change was done.
 */
gboolean vk_ontap_change(VkOntapRest *rest, const char *method, const char *url, json_t *body,
			 gint64 deadline, VkOntapReply *ret, GError **error);

/* SECONDS from now, or the timeout of the configuration if that is less. */
gint64 vk_ontap_deadline(const VkOntapRest *rest, guint seconds);

/*
 * DEADLINE, or a few seconds from now: enough to look at the result of a change that used up
 * DEADLINE.
 */
gint64 vk_ontap_look_deadline(const VkOntapRest *rest, gint64 deadline);

/*
 * Waits before another look at something that the array may still work on: for *PAUSE
 * (microseconds; 0 at first), which grows. FALSE, at once, when DEADLINE comes first.
 */
gboolean vk_ontap_wait(gint64 *pause, gint64 deadline);

/* The name of the cluster. New string; NULL until the cluster has answered. */
char *vk_ontap_cluster_name(VkOntapRest *rest);

/* A version like "9.11.1" as a number that can be compared; 0 for another text. */
guint vk_ontap_parse_version(const char *text);
