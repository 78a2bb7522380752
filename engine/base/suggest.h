/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Suggests the existing name that is closest to a misspelt one. Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkSuggest VkSuggest;

/* WORD (borrowed) is what was written. */
VkSuggest *vk_suggest_new(const char *word);

/* CANDIDATE is an existing name. */
void vk_suggest_offer(VkSuggest *suggest, const char *candidate);

/* "; did you mean 'web1'?", or "" when nothing offered is near. Frees it. New string. */
char *vk_suggest_end(VkSuggest *suggest);
