/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds what a configuration names and what is missing or wrong: files, guests and their disks.
 * Nothing is changed. Threads: free.
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
 * a missing guest is logged, and is not a problem.
 */
void vk_config_check_guests(const VkSettings *settings, VkHost *host, GPtrArray *problems);
