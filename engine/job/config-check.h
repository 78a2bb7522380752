/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a configuration names and what is not there, or not as it has to be: files, guests and their
 * disks. Nothing is changed. Threads: free.
 */
#pragma once

#include "host.h"
#include "settings.h"

#include <glib.h>

/* The files of arrays. Adds a VkSettingsProblem to PROBLEMS for each thing that is wrong. */
void vk_config_check_files(const VkSettings *settings, GPtrArray *problems);

/* Likewise policies that would keep nothing. */
void vk_config_check_retention(const VkSettings *settings, GPtrArray *problems);

/*
 * Likewise the sections of guests, against the guests of HOST. With sections of hosts in the file,
 * a guest that is not there is no problem, and logged.
 */
void vk_config_check_guests(const VkSettings *settings, VkHost *host, GPtrArray *problems);
