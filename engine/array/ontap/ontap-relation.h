/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SnapMirror relationships of a volume. They live on the cluster of the destination, which has
 * to be in the configuration. Threads: free.
 */
#pragma once

#include "ontap-layer.h"

#include <glib.h>
#include <jansson.h>

#define VK_ONTAP_RELATIONSHIPS "/api/snapmirror/relationships"
#define VK_ONTAP_RELATION_FIELDS                                                                  \
	"uuid,state,healthy,unhealthy_reason,lag_time,exported_snapshot,policy.name,policy.type," \
	"source.path,source.cluster.name,destination.path,destination.svm.name,"                  \
	"destination.cluster.name,transfer"

/* A volume of a copy, and what found its relationships. */
typedef struct VkOntapSearch {
	const GPtrArray *arrays; /* VkArray */
	VkOntap *source;
	const char *snapshot;
	char *path; /* "svm:volume" */
} VkOntapSearch;

/* RECORD: a relationship with the fields above. FALSE ends the visit. */
typedef gboolean (*VkOntapVisit)(const VkOntapSearch *search, VkOntap *destination,
				 const json_t *record, gpointer data, GError **error);

/* Calls VISIT for the volume's relationships to DESTINATION, and adds their number to *COUNT. */
gboolean vk_ontap_visit(const VkOntapSearch *search, VkOntap *destination, VkOntapVisit visit,
			gpointer data, guint *count, GError **error);

/*
 * The record of a volume "svm:volume", which has a valid uuid. New reference; NULL with an error.
 */
json_t *vk_ontap_volume_of(VkOntap *ontap, const char *path, GError **error);
