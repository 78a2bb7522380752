/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots that this host has seen, and that the vault does not show any more. */
#include "doctor-priv.h"

#include "catalog-chain.h"

void vk_doctor_examine_chains(const VkDoctorOptions *options, GPtrArray *findings)
{
	g_autoptr(GPtrArray) texts = vk_chain_missing(options->vault, NULL);

	for (guint i = 0; i < texts->len; i++)
		vk_finding_add(findings, NULL, "vault", g_strdup(g_ptr_array_index(texts, i)),
			       NULL);
}
