/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs share: the options before the command. Threads: one at a time. */
#pragma once

#include "complete.h"
#include "settings.h"

#include <glib.h>

/*
 * The options that every program takes. Zero-initialised by the caller, done by vk_program_clear.
 */
typedef struct VkProgram {
	char *config_path;
	char *vault_url;
	char *libvirt_uri;
	gboolean json, json_lines; /* with lines, both */
	gboolean verbose;
	gboolean quiet;
	gboolean version;
	VkCompletion *completion; /* nullable: a shell asks what may stand at the cursor */
	const char *command;      /* set by a command that tells events: its name; else NULL */
	gboolean unconfigured; /* set by a command that needs no settings, or loads them itself */
	int status;            /* of a command that has its own, though it did not fail */
	VkSettings *settings;  /* loaded by vk_program_start() */
} VkProgram;

/*
 * Adds --config, --vault, --connect, --json, --json=lines, -v, -q and --version to CONTEXT's main
 * group, after the program's own. PROGRAM must outlive the parse.
 */
void vk_program_add_options(VkProgram *program, GOptionContext *context);

/*
 * Parses with CONTEXT, which has these options. A second parse, of what stands behind a command,
 * may replace what the first one found. VK_ERROR_USAGE when it does not parse.
 */
gboolean vk_program_parse(VkProgram *program, GOptionContext *context, int *argc, char ***argv,
			  GError **error);

/*
 * To be called after the parse: prints the version and exits for --version, sets the log level,
 * loads the settings by option, VIRTKEEP_CONFIG or default path, arms interruption, and tells that
 * a command with events starts.
 */
gboolean vk_program_start(VkProgram *program, GError **error);

/*
 * At the end of a command that printed its result. What did not arrive is VK_ERROR_FAILED, but for
 * a reader who had enough of it.
 */
gboolean vk_program_flush(GError **error);
void vk_program_clear(VkProgram *program);

/* The configuration that option or VIRTKEEP_CONFIG name. Borrowed; NULL: the default one. */
const char *vk_program_config_path(const VkProgram *program);

/* The vault's URL by option, VIRTKEEP_VAULT or configuration. Borrowed. VK_ERROR_USAGE if none. */
const char *vk_program_vault_url(const VkProgram *program, GError **error);

/*
 * The URL in the section [vault TEXT], or TEXT if there is no such section: it is a URL itself.
 * Borrowed. VK_ERROR_USAGE if the section has none.
 */
const char *vk_program_find_vault(const VkProgram *program, const char *text, GError **error);

/* The libvirt URI by option or configuration. Borrowed. */
const char *vk_program_libvirt_uri(const VkProgram *program);

/* Logs ERROR once, if any, tells of the end, and returns the exit status. */
int vk_program_end(const GError *error);

/* Likewise with an exit STATUS whose errors were logged already. Returns it. */
int vk_program_end_told(int status);
