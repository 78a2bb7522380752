/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two files of consistency groups share. Only for the ONTAP driver. */
#pragma once

#include "ontap-priv.h"

#include <glib.h>

#define VK_ONTAP_GROUPS "/api/application/consistency-groups"

struct VkOntapGroup {
	VkOntap *ontap;
	char *uuid;
	gboolean is_ours;
	GPtrArray *volumes;      /* char*: uuids */
	char *snapshot, *wanted; /* uuid of the one that was started, and its name */
	GError *open;            /* why it is not known whether that was committed */
};

/* The uuid of what was made is told in one place or another, or nowhere. New string. */
char *vk_ontap_uuid_in_reply(const VkOntapReply *reply);
