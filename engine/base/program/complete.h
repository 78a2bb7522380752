/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCompletion: what a shell may offer for the word at the cursor. A shell calls
 *
 *   PROGRAM --complete INDEX WORD...
 *
 * with all words of the command line, and which of them the cursor is in. The answer has a line for
 * each whole word that may stand there. A tabulator and an explanation follow the word if there is
 * one. The last line may be ":files" or ":directories": the shell then offers those of the file
 * system, behind the word's last '=' if it has one. The options come from the tables that parse
 * them.
 */
#pragma once

#include <glib.h>

#define VK_COMPLETE_OPTION "--complete"
#define VK_COMPLETE_FILES  ":files"

typedef struct VkCompletion VkCompletion;

/* ARGV follows VK_COMPLETE_OPTION, ended by NULL. NULL when it is not what a shell sends. */
VkCompletion *vk_completion_new(char **argv);
void vk_completion_free(VkCompletion *completion);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VkCompletion, vk_completion_free)

/* Also completes ENTRIES, which end with a null entry. Their texts are borrowed. Takes NULL. */
void vk_completion_add_entries(VkCompletion *completion, const GOptionEntry *entries);

/*
 * If the first word that is not an option stands before the cursor, it is a command: returns it,
 * and counts the words and the cursor's place from there. Else NULL.
 */
const char *vk_completion_enter_command(VkCompletion *completion);

/* The words behind the program's name or the command, and the cursor's place among them. */
char **vk_completion_words(const VkCompletion *completion);
guint vk_completion_index(const VkCompletion *completion);

/*
 * Parses the words with CONTEXT as far as they make sense without the one at the cursor. Returns
 * the arguments that are not options, to be freed with g_strfreev().
 */
char **vk_completion_parse(const VkCompletion *completion, GOptionContext *context);

/*
 * Offers WORD for the cursor's, or for the value in it, if it begins so. EXPLANATION is nullable.
 */
void vk_completion_offer(const VkCompletion *completion, const char *word, const char *explanation);

/* Whether the cursor's word, or the value in it, begins with TEXT. */
gboolean vk_completion_has_typed(const VkCompletion *completion, const char *text);

/* Whether the value at the cursor has a '=' in it. */
gboolean vk_completion_has_equals(const VkCompletion *completion);

/*
 * Offers the existing names of a KIND, as options name their values: "GUEST". FALSE when it does
 * not know that kind.
 */
typedef gboolean (*VkCompleter)(const VkCompletion *completion, const char *kind, gpointer data);

/*
 * Prints the answer. The words in capitals in USAGE say what may stand there beside options.
 * COMPLETER (nullable) is asked for the kinds that the program does not know by itself.
 */
void vk_completion_answer(const VkCompletion *completion, const char *usage, VkCompleter completer,
			  gpointer data);
