/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkSandboxed: the appliance's process: what it is started with, and the descriptors to talk to it.
 * Threads: the one that started it.
 */
#pragma once

#include <glib.h>

/* Where the program in the sandbox has its ends of the channel, and its files. */
#define VK_SANDBOXED_IN      "0"
#define VK_SANDBOXED_OUT     "1"
#define VK_SANDBOXED_CONSOLE "2"
#define VK_SANDBOXED_INITRD  "/proc/self/fd/4"
#define VK_SANDBOXED_KERNEL  "/proc/self/fd/5"
#define VK_SANDBOXED_DISC    "/proc/self/fd/6"

/* Descriptors of what it reads; -1: none. */
typedef struct VkSandboxedFiles {
	int initrd;
	int kernel;
	int disc;
} VkSandboxedFiles;

typedef struct VkSandboxed {
	GPid pid;
	int to, from; /* the channel */
	int console;  /* what its kernel prints */
	int control;  /* of virtkeep-sandbox */
} VkSandboxed;

/*
 * Starts PROGRAM, ended by NULL, with FILES, borrowed, of which it has INITRD at least, and at most
 * MEMORY bytes of files of its own. No descriptor blocks.
 */
VkSandboxed *vk_sandboxed_start(const char *const *program, const VkSandboxedFiles *files,
				guint64 memory, GError **error);

/*
 * Takes the descriptor of the disks' file system from the sandbox. -1 without an error: the process
 * ended, and its console says why.
 */
int vk_sandboxed_take_disks(VkSandboxed *sandboxed, guint timeout_sec, GError **error);

/* The disks are served: PROGRAM may run. */
gboolean vk_sandboxed_go(VkSandboxed *sandboxed, GError **error);

/* Kills it, and waits until nothing of it is left. */
void vk_sandboxed_kill(VkSandboxed *sandboxed);
void vk_sandboxed_free(VkSandboxed *sandboxed); /* takes NULL; kills it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkSandboxed, vk_sandboxed_free)

/* Where a program of virtkeep's own lies that people do not call. New string. */
char *vk_sandboxed_helper(const char *folder, const char *name);
