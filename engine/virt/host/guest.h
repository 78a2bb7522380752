/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkGuest: a domain of a host's libvirt. No call waits without bound, as host.h has it.
 * Threads: free.
 */
#pragma once

#include <glib.h>

typedef struct VkGuest VkGuest;

void vk_guest_free(VkGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuest, vk_guest_free)

/*
 * Makes sure that libvirt answers, over a new connection if need be, and has the guest.
 * VK_ERROR_NOT_FOUND when it has not.
 */
gboolean vk_guest_look_up(VkGuest *guest, GError **error);

const char *vk_guest_name(const VkGuest *guest); /* borrowed */
const char *vk_guest_uuid(const VkGuest *guest); /* borrowed, lower case */

typedef enum {
	VK_GUEST_OFF,
	VK_GUEST_RUNNING,
	VK_GUEST_PAUSED,
	VK_GUEST_MIGRATING,
	VK_GUEST_ASLEEP, /* suspended by its own power management */
	VK_GUEST_OTHER,  /* crashed */
} VkGuestState;

/*
 * A guest that still runs here while it is migrated away is VK_GUEST_RUNNING:
 * vk_guest_check_stays() finds the migration.
 */
gboolean vk_guest_get_state(VkGuest *guest, VkGuestState *ret, GError **error);
const char *vk_guest_state_name(VkGuestState state); /* as virsh says it; borrowed */

/*
 * Whether QEMU has not answered yet to an earlier call of any program. What that call asked for,
 * such as a suspension, may still happen. Then this function takes libvirt's 30 seconds.
 */
gboolean vk_guest_is_stalled(VkGuest *guest);

/* In words why a guest that is not off does not run: asleep, an error, or paused. Static. */
const char *vk_guest_why_still(VkGuest *guest);

/*
 * FALSE with VK_ERROR_BUSY while another program's block job (copy, commit, pull) runs on the disk
 * TARGET: libvirt begins no backup of it then. The error says what runs, and how to end it.
 */
gboolean vk_guest_check_block_job(VkGuest *guest, const char *target, GError **error);

/* FALSE with VK_ERROR_BUSY while the guest is being migrated, to or from the host. */
gboolean vk_guest_check_stays(VkGuest *guest, GError **error);

/* Whether the guest is gone from the host, or was migrated away. */
gboolean vk_guest_has_left(VkGuest *guest);

typedef struct VkGuestFacts {
	VkGuestState state;
	gboolean persistent;
	gboolean autostart;
	gboolean has_saved_memory; /* off, and its next start goes on from there */
	char *domain_xml; /* inactive, with security information; of a transient guest the live one
			   */
	char *live_xml;   /* NULL when off */
} VkGuestFacts;

VkGuestFacts *vk_guest_get_facts(VkGuest *guest, GError **error);
void vk_guest_facts_free(VkGuestFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkGuestFacts, vk_guest_facts_free)

/* The definition by which the guest runs, or would be started. Borrowed. */
const char *vk_guest_facts_present_xml(const VkGuestFacts *facts);

/* The virtual size and allocation in bytes of a disk. */
gboolean vk_guest_disk_size(VkGuest *guest, const char *target, guint64 *ret_size,
			    guint64 *ret_allocation, GError **error);

/* Stops the guest's processors, and lets them go on. A failed resume calls the guest "it". */
gboolean vk_guest_suspend(VkGuest *guest, GError **error);
gboolean vk_guest_resume(VkGuest *guest, GError **error);

/* Life cycle, for the restore. */
gboolean vk_guest_set_autostart(VkGuest *guest, gboolean autostart, GError **error);
gboolean vk_guest_start(VkGuest *guest, GError **error);
/* Agent, then ACPI, then destroy after TIMEOUT_SEC in all. Returns when the guest is off. */
gboolean vk_guest_shut_down(VkGuest *guest, guint timeout_sec, GError **error);
