/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loss.h"

#include "errors.h"
#include "interrupt.h"
#include "text.h"
#include "timestamp.h"
#include "when.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 512

gint64 vk_loss_seconds(const VkRestorePlan *plan, gint64 now)
{
	gint64 then = now;

	vk_time_parse(plan->back_to, &then, NULL);
	return MAX(now - then, 0);
}

/* The two largest units. New string. */
static char *duration(gint64 seconds)
{
	static const struct {
		gint64 seconds;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	GString *text = g_string_new(NULL);
	guint used = 0;

	for (guint i = 0; i < G_N_ELEMENTS(units) && used < 2; i++) {
		gint64 count = seconds / units[i].seconds;

		if (count == 0 && !used)
			continue;
		used++;
		seconds -= count * units[i].seconds;
		if (count > 0)
			g_string_append_printf(text, "%s%" G_GINT64_FORMAT " %s%s",
					       text->len ? " " : "", count, units[i].name,
					       count == 1 ? "" : "s");
	}
	return g_string_free(text, FALSE);
}

char *vk_loss_text(const VkRestorePlan *plan, gint64 now)
{
	g_autofree char *since = NULL;
	g_autofree char *length = NULL;

	if (!plan->back_to)
		return NULL;
	since = vk_when_local_in_full(plan->back_to);
	length = duration(vk_loss_seconds(plan, now));
	return g_strdup_printf("what %s since %s%s%s is lost",
			       plan->only_disks ? "was written to these disks" : "the guest wrote",
			       since, *length ? ", in " : "", length);
}

/* One line of standard input, without its end; NULL at the end of it, or when interrupted. */
static char *read_answer(void)
{
	g_autoptr(GString) answer = g_string_new(NULL);
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	while (!vk_interrupted() && answer->len < ANSWER_MAX) {
		if (poll(&input, 1, -1) < 0) {
			if (errno != EINTR)
				return NULL;
			continue;
		}
		if (read(STDIN_FILENO, &byte, 1) != 1)
			return NULL;
		if (byte == '\n')
			return g_strdup(g_strstrip(answer->str));
		g_string_append_c(answer, byte);
	}
	return NULL;
}

gboolean vk_loss_confirm(const VkRestorePlan *plan, GError **error)
{
	g_autofree char *loss = NULL;
	g_autofree char *guest = NULL;
	g_autofree char *answer = NULL;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return TRUE;
	loss = vk_loss_text(plan, g_get_real_time() / G_USEC_PER_SEC);
	vk_print_line(stderr, "%s: %s.", plan->reference, loss);
	guest = vk_printable(plan->guest);
	fputs("Type the name of the guest, '", stderr);
	fputs(guest, stderr);
	fputs("', to go on: ", stderr);
	answer = read_answer();
	if (!answer)
		fputc('\n', stderr);
	if (vk_interrupted())
		return vk_fail_interrupted(error);
	return g_strcmp0(answer, plan->guest) == 0 ||
	       vk_fail(error, VK_ERROR_FAILED,
		       "its name, '%s', was not typed: nothing was changed; --force does not ask",
		       plan->guest);
}
