/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hooks: the commands of the configuration's [hooks], under Snap Creator's names, and then the
 * executables of a directory, run around a run and each guest's snapshot with the facts in the
 * environment.
 * virtkeep(1) and virtkeep.conf(5) describe them. Threads: free.
 */
#pragma once

#include "settings.h"

#include <glib.h>

typedef enum {
	VK_HOOK_PRE_FREEZE,  /* "pre-freeze": a failure fails the guest */
	VK_HOOK_POST_THAW,   /* "post-thaw": after every pre-freeze that succeeded */
	VK_HOOK_POST_COMMIT, /* "post-commit" */
	VK_HOOK_FAILURE,     /* "failure" */
	VK_HOOK_RUN_START,   /* "run-start": before anything else; a failure fails the run */
	VK_HOOK_RUN_FAILURE, /* "run-failure": when its exit status is not 0 */
	VK_HOOK_RUN_END,     /* "run-end": however it ended */
} VkHookPhase;

/* Any string may be NULL; its variable is empty then. */
typedef struct VkHookFacts {
	const char *guest, *uuid, *vault, *group;
	const char *snapshot; /* GUEST@TIME */
	const char *consistency;
	guint64 pause_usec;
	const char *error;  /* why the guest, or the run, failed */
	gboolean hooks_ran; /* of a run: those of all its guests that failed */
	guint saved;        /* guests, of a run */
	const char *failed; /* names of guests, one a line, of a run */
	int status;         /* exit status, of a run */
	gint64 seconds;     /* how long it took, of a run */
} VkHookFacts;

/*
 * Runs the hooks that SETTINGS name for PHASE, one after another, each for at most [backup]
 * hook_timeout; stops at the first that fails, and says which. A directory that is not there has
 * none. As root it refuses hooks that another user could have written. An interruption does not
 * stop a hook, because a later hook has to end what an earlier one began.
 */
gboolean vk_hooks_run(const VkSettings *settings, VkHookPhase phase, const VkHookFacts *facts,
		      GError **error);

/* FALSE when the hooks of root would be refused, or cannot be read; nothing is run. */
gboolean vk_hooks_check(const VkSettings *settings, GError **error);
