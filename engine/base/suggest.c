/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "suggest.h"

#include <string.h>

/* Longer names are not compared: the work grows with the square. */
#define LENGTH_MAX 64u

struct VkSuggest {
	const char *word;
	char *best;
	guint distance; /* of the best; nothing farther is offered */
};

VkSuggest *vk_suggest_new(const char *word)
{
	VkSuggest *suggest = g_new0(VkSuggest, 1);

	suggest->word = word;
	/* One mistake in three letters, and one in a short word. */
	suggest->distance = (guint)MAX(strlen(word) / 3, 1) + 1;
	return suggest;
}

/*
 * How many letters to insert, remove, replace, or swap with the next, make ONE the OTHER; capitals
 * do not matter. ROWS[i][j] is that of the first i and j letters.
 */
static guint distance_of(const char *one, const char *other)
{
	guint rows[LENGTH_MAX + 1][LENGTH_MAX + 1];
	guint n = (guint)strlen(one), m = (guint)strlen(other);

	for (guint i = 0; i <= n; i++)
		rows[i][0] = i;
	for (guint j = 0; j <= m; j++)
		rows[0][j] = j;
	for (guint i = 1; i <= n; i++)
		for (guint j = 1; j <= m; j++) {
			char a = g_ascii_tolower(one[i - 1]), b = g_ascii_tolower(other[j - 1]);
			guint least = rows[i - 1][j - 1] + (a != b);

			least = MIN(least, MIN(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a == g_ascii_tolower(other[j - 2]) &&
			    g_ascii_tolower(one[i - 2]) == b)
				least = MIN(least, rows[i - 2][j - 2] + 1);
			rows[i][j] = least;
		}
	return rows[n][m];
}

void vk_suggest_offer(VkSuggest *suggest, const char *candidate)
{
	gsize length = strlen(suggest->word), other = strlen(candidate);
	guint distance;

	if (length > LENGTH_MAX || other > LENGTH_MAX || length < 2)
		return;
	distance = distance_of(suggest->word, candidate);
	/* A word begun is likelier than one mistaken. */
	if (other > length && g_ascii_strncasecmp(suggest->word, candidate, length) == 0)
		distance = MIN(distance, 1);
	if (distance >= suggest->distance || distance >= other)
		return;
	suggest->distance = distance;
	g_free(suggest->best);
	suggest->best = g_strdup(candidate);
}

char *vk_suggest_end(VkSuggest *suggest)
{
	char *text = suggest->best ? g_strdup_printf("; did you mean '%s'?", suggest->best)
				   : g_strdup("");

	g_free(suggest->best);
	g_free(suggest);
	return text;
}
