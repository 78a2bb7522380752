/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hints of packs that are gone: what a garbage collection leaves of them. Threads: free. */
#pragma once

#include "hints-place.h"

#include <glib.h>

/*
 * Writes each hint file anew of whose packs more than half are gone, without these; removes it if
 * all are. So its cost is in proportion to what goes. A failure leaves the file as it is. Stops on
 * vk_interrupted().
 */
void vk_hints_tidy(const VkHintsPlace *place);
