/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkQuiesce: the hold of a running guest around its point in time. Whatever happens,
 * vk_quiesce_end() leaves the guest as it was: it thaws, polls the agent until it says "thawed",
 * and resumes what it suspended. Threads: one at a time for a guest.
 */
#pragma once

#include "guard.h"
#include "guest-lock.h"
#include "host.h"

#include <glib.h>

typedef enum {
	VK_QUIESCE_AUTO,    /* the agent if it answers, else live */
	VK_QUIESCE_AGENT,   /* the agent or fail */
	VK_QUIESCE_SUSPEND, /* suspend */
	VK_QUIESCE_NONE,    /* live */
} VkQuiesceMode;

gboolean vk_quiesce_mode_parse(const char *text, VkQuiesceMode *ret, GError **error);

typedef struct VkQuiesce VkQuiesce;

typedef struct VkQuiesceOptions {
	VkQuiesceMode mode;
	gboolean group;           /* AUTO without an agent: suspend, for one instant of all */
	gboolean suspend_too;     /* also a frozen guest, so that QEMU writes all it has */
	guint timeout_sec;        /* of each agent call */
	guint64 budget_usec;      /* 0: none. A guest held longer is released at once */
	gint64 deadline;          /* when it is, budget or not; monotonic, microseconds */
	char *const *mountpoints; /* freeze only these file systems; NULL or empty: all */
	VkGuestLock *lock;        /* nullable; gets the note how the guest is held */
	VkGuard *guard;           /* nullable; gets the same note */
} VkQuiesceOptions;

/*
 * Freezes or suspends. A paused guest stays as it is. In AUTO an absent or deaf agent is no
 * failure; vk_quiesce_note() then says why. OPTIONS is borrowed until the free.
 */
VkQuiesce *vk_quiesce_begin(VkGuest *guest, const VkQuiesceOptions *options, GError **error);

/*
 * Says that the point in time was taken. If the guest's time was used up before, it may have gone
 * on already. Then the snapshot is only "crash", and a note says so.
 */
void vk_quiesce_point_taken(VkQuiesce *quiesce);

/*
 * The latest end of the hold: monotonic, microseconds. G_MAXINT64 if the guest is not held.
 */
gint64 vk_quiesce_limit(const VkQuiesce *quiesce);

/* After the point in time: whether the guest had gone on before it. */
gboolean vk_quiesce_over_budget(const VkQuiesce *quiesce);

/*
 * Thaws or resumes. FALSE when the guest could not be brought back: the error says so and what to
 * do. Call it once, as soon as the point in time is taken or given up.
 */
gboolean vk_quiesce_end(VkQuiesce *quiesce, GError **error);

/*
 * Releases a guest that a killed process may have LEFT held. A guest that is not held stays as it
 * is. Without a connected agent there is nothing to thaw. VK_ERROR_BUSY when it cannot be released
 * just now: it may be frozen and another program has paused it, it is being migrated, or QEMU does
 * not answer.
 */
gboolean vk_quiesce_recover(VkGuest *guest, VkHold left, guint timeout_sec, GError **error);

/*
 * FALSE when the guest left the host while it was HELD: it may be held still, where it is now. The
 * error names the remedy.
 */
gboolean vk_quiesce_check_here(VkGuest *guest, VkHold held, GError **error);

/* For doctor: TRUE when the guest's agent answers and says that file systems are frozen. */
gboolean vk_quiesce_is_frozen(VkGuest *guest, guint timeout_sec);

/* After the end. "filesystem" or "crash"; static. */
const char *vk_quiesce_consistency(const VkQuiesce *quiesce);
/* From before the freeze until after the thaw, microseconds; 0 when nothing was held. */
guint64 vk_quiesce_pause_usec(const VkQuiesce *quiesce);
/* Why the consistency is lower than hoped for, or NULL. Borrowed. */
const char *vk_quiesce_note(const VkQuiesce *quiesce);

/* Ends the hold if it has not ended yet. Takes NULL. */
void vk_quiesce_free(VkQuiesce *quiesce);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkQuiesce, vk_quiesce_free)
