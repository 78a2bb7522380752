/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of an encrypted vault, the same in each run, so that a corpus stays of use. */
#pragma once

#include "keyring.h"

#include <string.h>

static const guint8 fuzz_vault_id[VK_KEYRING_ID_SIZE] = "vault-id-16bytes";

/* A keyring of role collect. */
static inline VkKeyring *fuzz_keyring_new(void)
{
	VkKeyring *keyring = vk_keyring_generate(fuzz_vault_id);
	guint8 packed[VK_KEYRING_PACKED_MAX];
	gsize length = vk_keyring_pack(keyring, VK_ROLE_COLLECT, packed);

	vk_keyring_free(keyring);
	memset(packed + 1, 7, length - 1);
	return vk_keyring_unpack(fuzz_vault_id, VK_ROLE_COLLECT, packed, length);
}
