/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store in memory, for objects that are a fuzzer's input. It keeps what is put. Threads: one at a
 * time.
 */
#pragma once

#include "store.h"

#include <glib.h>

/* An empty one. The table frees it. */
VkStore *input_store_new(void);

/* Adds the object NAME, or replaces it. */
void input_store_add(VkStore *store, const char *name, const void *bytes, gsize length);

/* The same of one line of JSON, to which its checksum is added. Line breaks become spaces. */
void input_store_add_json(VkStore *store, const char *name, const void *text, gsize length);

/* Removes all objects. */
void input_store_clear(VkStore *store);
