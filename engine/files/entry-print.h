/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of directories as commands print them. Threads: free. */
#pragma once

#include "guest-files.h"
#include "json.h"

/* As "ls -l" has it, with NAME in place of its path. */
void vk_entry_print_long(const VkEntry *entry, const char *name);

/*
 * {name, type, mode, uid, gid, links, size, mtime, target}. A name or target that is not UTF-8 is
 * also in base 64, in a member whose name ends with "_b64". New reference.
 */
json_t *vk_entry_to_json(const VkEntry *entry, const char *name);

/* Adds BYTES as the member KEY, and as KEY_b64 if they are not UTF-8. */
void vk_entry_add_name(json_t *object, const char *key, const char *bytes);

/* "file", "directory", "link", ... */
const char *vk_entry_type(const VkEntry *entry);

/* When it was modified, local; "-" for a time that no calendar has. New string. */
char *vk_entry_time_text(const VkEntry *entry);
