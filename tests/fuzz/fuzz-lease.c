/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object of a lease, and the intent of its owner. A lease that cannot be read is open. */
#include "fuzz.h"
#include "input-store.h"
#include "lease-list.h"
#include "snapshot.h"

#define LEASE "00112233445566778899aabbccddeeff"

static void check_lease(VkStore *store)
{
	g_autoptr(GPtrArray) leases = vk_leases_list(store, NULL);
	const VkLeaseInfo *lease;

	g_assert(leases && leases->len == 1);
	lease = g_ptr_array_index(leases, 0);
	g_assert(!lease->ended && lease->has_intent);
	g_assert(!(lease->is_local_and_alive && lease->is_local_and_dead));
	vk_lease_info_reads(lease, "snaps/x/y.json");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	VkStore *store = input_store_new();
	g_autofree char *name = NULL;
	g_autoptr(json_t) intent = NULL;

	input_store_add_json(store, "leases/" LEASE ".0", data, size);
	input_store_add_json(store, "leases/" LEASE ".commit", data, size);
	check_lease(store);
	intent = vk_lease_load_intent(store, LEASE, &name, NULL);
	g_assert(!intent == !name);
	if (intent)
		vk_snapshot_free(vk_snapshot_from_json(intent, NULL));
	store->ops->free(store);
	return 0;
}
