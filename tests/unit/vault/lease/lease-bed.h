/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of leases share. Failures end the test. */
#pragma once

#include "lease-list.h"
#include "lease.h"
#include "watched-dir.h"

#include <check.h>
#include <glib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline VkLease *begin(VkLeaseKind kind)
{
	g_autoptr(GError) error = NULL;
	VkLease *lease = vk_lease_begin(store, kind, NULL, &error);

	ck_assert_msg(lease != NULL, "%s", error ? error->message : "");
	return lease;
}

static inline guint count_objects(const char *folder)
{
	g_autoptr(GPtrArray) names = inner->ops->list(inner, folder, NULL);

	return names->len;
}

/* The only lease that is there. */
static inline VkLeaseInfo *only_lease(void)
{
	g_autoptr(GPtrArray) infos = vk_leases_list(store, NULL);

	ck_assert_ptr_nonnull(infos);
	ck_assert_uint_eq(infos->len, 1);
	return g_ptr_array_steal_index(infos, 0);
}

static inline void put_empty(const char *before, const char *id, const char *after)
{
	g_autofree char *name = g_strconcat(before, id, after, NULL);

	ck_assert(vk_store_put(inner, name, NULL, 0, VK_PUT_NOW, NULL));
}

/* What the lease of a process that dies at once leaves. Returns its id. */
static inline char *abandon(VkLeaseKind kind)
{
	g_autoptr(VkLeaseInfo) info = NULL;
	pid_t child = fork();
	int status;

	if (child == 0) {
		begin(kind);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	info = only_lease();
	return g_strdup(info->id);
}
