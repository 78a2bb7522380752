/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Made-up blocks and packs that hints are about. */
#pragma once

#include "format.h"

#include <glib.h>
#include <string.h>

/* The id of key number KEY: what SHA-256 would give, spread evenly. */
static inline VkBlockId id_of(guint32 key)
{
	VkBlockId id = {0};
	guint64 spread = (key + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

	spread = GUINT64_TO_LE(spread);
	memcpy(id.bytes, &spread, sizeof(spread));
	return id;
}

static inline VkPackId pack_of(guint32 number)
{
	VkPackId pack = {0};

	memcpy(pack.bytes, &number, sizeof(number));
	return pack;
}
