/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a backup of a guest would do. It is the plan of the backup itself, and how much it would
 * read. Dry runs show it. The guest is not held, and nothing is written into the vault or its
 * images. Threads: one at a time.
 */
#pragma once

#include "backup-try.h"

#include <glib.h>

typedef struct VkForecastDisk {
	char *target;
	const char *mode; /* "full", "compare", "incremental", "array"; static */
	char *reason;
	guint64 size;
	guint64 read; /* bytes, as far as can be known beforehand */
} VkForecastDisk;

typedef struct VkForecast {
	char *guest, *uuid;
	const char *state;  /* as virsh says it; static */
	const char *held;   /* how, in words; static */
	GPtrArray *disks;   /* VkForecastDisk */
	GPtrArray *skipped; /* VkSkipRecord */
} VkForecast;

/*
 * The vault of CONTEXT need be open for reading only; only its vault, options and arrays are used.
 * VK_ERROR_BUSY while a backup of the guest is under way.
 */
VkForecast *vk_forecast_guest(const VkBackupContext *context, VkHost *host, VkGuest *guest,
			      GError **error);
void vk_forecast_free(VkForecast *forecast);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkForecast, vk_forecast_free)
