/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store in a new temporary directory whose calls are watched, for the life of a test. */
#pragma once

#include "layout.h"
#include "temp-vault.h"
#include "watched-store.h"

#include <check.h>
#include <glib.h>

static char *directory;
static VkStore *inner;
static WatchedStore *watched;
static VkStore *store;

static inline void setup(void)
{
	directory = temp_directory_new();
	inner = vk_store_dir_new(directory, vk_vault_folders, NULL);
	ck_assert_ptr_nonnull(inner);
	watched = watched_store_new(inner);
	store = &watched->base;
}

static inline void teardown(void)
{
	watched_store_free(watched);
	inner->ops->free(inner);
	temp_directory_remove(directory);
	g_free(directory);
}
