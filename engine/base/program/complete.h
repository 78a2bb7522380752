/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VkCompletion: what a shell may offer for the word at the cursor. A shell calls
 *
 *   PROGRAM --complete INDEX WORD...
 *
 * with all words of the command line, and which of them the cursor is in. The answer is a line for
 * each whole word that may stand there, with a tabulator and an explanation behind it if there is
 * one, and perhaps a last line: ":files" or ":directories" when the shell is to offer those of the
 * file system, behind the word's last '=' if it has one. The options come from the very tables that
 * parse them.
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

/* Lets ENTRIES, ended by a null entry, be completed, too. Their texts are borrowed. Takes NULL. */
void vk_completion_add_entries(VkCompletion *completion, const GOptionEntry *entries);

/*
 * The words behind the program's name, and the cursor's place among them, are to be found from the
 * first word that is no option on, if that is before the cursor: it is returned. Else NULL.
 */
const char *vk_completion_enter_command(VkCompletion *completion);

/* Those words, and the place. */
char **vk_completion_words(const VkCompletion *completion);
guint vk_completion_index(const VkCompletion *completion);

/*
 * Parses the words with CONTEXT as far as they make sense without the one at the cursor. Returns
 * the arguments that are no options, to be freed with g_strfreev().
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
 * Offers the names of what there is: of KIND as options name their values, such as "GUEST". FALSE
 * when it does not know that kind.
 */
typedef gboolean (*VkCompleter)(const VkCompletion *completion, const char *kind, gpointer data);

/*
 * Prints the answer. USAGE tells which kind of words may stand there beside options: those in
 * capitals. COMPLETER (nullable) is asked for the kinds that the program does not know by itself.
 */
void vk_completion_answer(const VkCompletion *completion, const char *usage, VkCompleter completer,
			  gpointer data);
