/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "complete.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define DIRECTORIES ":directories"

/* How values are named, and what they may be: words, or what the shell is to offer, or nothing. */
static const struct {
	const char *kind, *words;
} kinds[] = {
	{"FILE", VK_COMPLETE_FILES},
	{"[VOLUME=]FILE", VK_COMPLETE_FILES},
	{"DIR", DIRECTORIES},
	{"DIRECTORY", DIRECTORIES},
	{"URL", DIRECTORIES},
	{"MOUNTPOINT", DIRECTORIES},
	{"VAULT", DIRECTORIES},
	{"SNAPCREATOR.conf", VK_COMPLETE_FILES},
	{"URI", "qemu:///system qemu:///session none"},
	{"MODE", "vault array array+vault"},
	{"HOW", "auto agent suspend none"},
	{"FORMAT", "raw qcow2"},
	{"GRADE", "application filesystem crash offline"},
	{"KIND", "backup copy forget unforget gc init verify repair rebuild replicate restore "
		 "files-copy boot-test"},
	{"JOB", ""},
	{"OPTIONS", "allow_other allow_root nonempty uid= gid="},
	{"ROLE", "full backup restore collect append"},
	{"WHEN", "today yesterday"},
	{"DURATION", ""},
	{"ADDRESS", "root"},
	{"KEY", ""},
	{"LABEL", "hourly daily weekly monthly"},
	{"ID", ""},
	{"MIB", ""},
	{"MINUTES", ""},
	{"N", ""},
	{"N/M", ""},
	{"NAME", ""},
	{"OLD=NEW", ""},
	{"PATH", ""},
	{"SECONDS", ""},
	{"TAG", ""},
	{"TEXT", ""},
};

struct VkCompletion {
	char **words;       /* WORDS[0] is the program's or the command's name */
	guint index;        /* of the cursor; the word there may be missing */
	guint start;        /* of the words that are looked at */
	GPtrArray *entries; /* const GOptionEntry *, copies */
	const char *kind;   /* of the value at the cursor; NULL: it is not the value of an option */
	gsize prefix;       /* how much of the cursor's word is before the value */
	gboolean is_split;  /* the option of the value is the word before */
};

VkCompletion *vk_completion_new(char **argv)
{
	VkCompletion *completion;
	guint64 index;

	if (!argv[0] || !argv[1] ||
	    !g_ascii_string_to_unsigned(argv[0], 10, 1, g_strv_length(argv) - 1, &index, NULL))
		return NULL;
	completion = g_new0(VkCompletion, 1);
	completion->words = g_strdupv(argv + 1);
	completion->index = (guint)index;
	completion->entries = g_ptr_array_new_with_free_func(g_free);
	return completion;
}

void vk_completion_free(VkCompletion *completion)
{
	if (!completion)
		return;
	g_strfreev(completion->words);
	g_ptr_array_unref(completion->entries);
	g_free(completion);
}

void vk_completion_add_entries(VkCompletion *completion, const GOptionEntry *entries)
{
	for (; completion && entries && entries->long_name; entries++)
		if (*entries->long_name)
			g_ptr_array_add(completion->entries, g_memdup2(entries, sizeof(*entries)));
}

char **vk_completion_words(const VkCompletion *completion)
{
	return completion->words + completion->start;
}

guint vk_completion_index(const VkCompletion *completion)
{
	return completion->index - completion->start;
}

static const char *word_at_cursor(const VkCompletion *completion)
{
	const char *word = completion->words[completion->index];

	return word ? word : "";
}

/* The entry of an option that takes a value and is WORD up to LENGTH. */
static const GOptionEntry *find_valued(const VkCompletion *completion, const char *word,
				       gsize length)
{
	for (guint i = 0; i < completion->entries->len; i++) {
		const GOptionEntry *entry = g_ptr_array_index(completion->entries, i);

		if (entry->arg == G_OPTION_ARG_NONE)
			continue;
		if (length == 2 && word[0] == '-' && word[1] == entry->short_name &&
		    entry->short_name)
			return entry;
		if (length > 2 && g_str_has_prefix(word, "--") &&
		    strlen(entry->long_name) == length - 2 &&
		    strncmp(entry->long_name, word + 2, length - 2) == 0)
			return entry;
	}
	return NULL;
}

/* Whether the word number I is the value of the option before it. */
static gboolean is_value(const VkCompletion *completion, guint i)
{
	const char *before = i > completion->start + 1 ? completion->words[i - 1] : NULL;

	return before && find_valued(completion, before, strlen(before)) &&
	       !is_value(completion, i - 1);
}

const char *vk_completion_enter_command(VkCompletion *completion)
{
	for (guint i = completion->start + 1; i < completion->index; i++) {
		const char *word = completion->words[i];

		if (*word == '-' || is_value(completion, i))
			continue;
		completion->start = i;
		return word;
	}
	return NULL;
}

/* Sets what is known of the value at the cursor, if it is an option's. */
static void find_value(VkCompletion *completion)
{
	const char *word = word_at_cursor(completion);
	const char *equals = strchr(word, '=');
	const GOptionEntry *entry = NULL;

	if (is_value(completion, completion->index)) {
		const char *before = completion->words[completion->index - 1];

		entry = find_valued(completion, before, strlen(before));
		completion->is_split = TRUE;
	} else if (equals && g_str_has_prefix(word, "--")) {
		entry = find_valued(completion, word, (gsize)(equals - word));
		completion->prefix = (gsize)(equals + 1 - word);
	}
	completion->kind = entry ? entry->arg_description : NULL;
	if (!entry)
		completion->prefix = 0;
}

char **vk_completion_parse(const VkCompletion *completion, GOptionContext *context)
{
	GPtrArray *words = g_ptr_array_new();
	gboolean is_split = is_value(completion, completion->index);
	char **left;

	for (guint i = completion->start; completion->words[i]; i++)
		if (i != completion->index && !(is_split && i + 1 == completion->index))
			g_ptr_array_add(words, g_strdup(completion->words[i]));
	g_ptr_array_add(words, NULL);
	left = (char **)g_ptr_array_free(words, FALSE);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_ignore_unknown_options(context, TRUE);
	g_option_context_parse_strv(context, &left, NULL);
	if (left && left[0]) {
		g_free(left[0]);
		memmove(left, left + 1, g_strv_length(left + 1) * sizeof(*left) + sizeof(*left));
	}
	return left;
}

void vk_completion_offer(const VkCompletion *completion, const char *word, const char *explanation)
{
	const char *typed = word_at_cursor(completion);
	g_autofree char *printable = vk_printable(word);

	if (!g_str_has_prefix(word, typed + completion->prefix))
		return;
	/* What a terminal would take for more than a word. */
	if (strcmp(printable, word) != 0)
		return;
	printf("%.*s%s%s%s\n", (int)completion->prefix, typed, word, explanation ? "\t" : "",
	       explanation ? explanation : "");
}

gboolean vk_completion_has_typed(const VkCompletion *completion, const char *text)
{
	return g_str_has_prefix(word_at_cursor(completion) + completion->prefix, text);
}

gboolean vk_completion_has_equals(const VkCompletion *completion)
{
	return strchr(word_at_cursor(completion) + completion->prefix, '=') != NULL;
}

static void offer_options(const VkCompletion *completion)
{
	for (guint i = 0; i < completion->entries->len; i++) {
		const GOptionEntry *entry = g_ptr_array_index(completion->entries, i);
		g_autofree char *full = g_strconcat("--", entry->long_name, NULL);

		if (entry->flags & G_OPTION_FLAG_HIDDEN)
			continue;
		vk_completion_offer(completion, full, entry->description);
		if (entry->short_name) {
			const char brief[] = {'-', entry->short_name, '\0'};

			vk_completion_offer(completion, brief, entry->description);
		}
	}
	vk_completion_offer(completion, "--help", "Print the options");
}

static void offer_words(const VkCompletion *completion, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);

	if (*words == ':') {
		puts(words);
		return;
	}
	for (char **word = list; *word; word++)
		if (**word)
			vk_completion_offer(completion, *word, NULL);
}

static void offer_kind(const VkCompletion *completion, const char *kind, VkCompleter completer,
		       gpointer data)
{
	if (completer && completer(completion, kind, data))
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			offer_words(completion, kinds[i].words);
			return;
		}
	/* For the tests: an option whose values are not known here. */
	printf(":unknown %s\n", kind);
}

/* Words in capitals are kinds, others stand for themselves. */
static void offer_arguments(const VkCompletion *completion, const char *usage,
			    VkCompleter completer, gpointer data)
{
	g_auto(GStrv) words = g_strsplit_set(usage, " []|", -1);

	for (char **word = words + 1; words[0] && *word; word++) {
		char *dots = strstr(*word, "...");

		if (dots)
			*dots = '\0';
		if (g_ascii_isupper(**word))
			offer_kind(completion, *word, completer, data);
		else if (**word && **word != '-' && strcmp(*word, words[0]) != 0)
			vk_completion_offer(completion, *word, NULL);
	}
}

void vk_completion_answer(const VkCompletion *completion, const char *usage, VkCompleter completer,
			  gpointer data)
{
	VkCompletion with_value = *completion;

	find_value(&with_value);
	if (with_value.kind)
		offer_kind(&with_value, with_value.kind, completer, data);
	else if (*word_at_cursor(completion) == '-')
		offer_options(completion);
	else
		offer_arguments(completion, usage, completer, data);
}
