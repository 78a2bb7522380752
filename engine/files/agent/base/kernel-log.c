/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel-log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

/* Of klogctl(): read all since the last clear, without clearing it; clear. */
#define READ_ALL 3
#define CLEAR    5

/* Of a line: warnings and worse. */
#define LEVEL_MAX 4

#define LOG_BYTES 65536

void agent_kernel_log_clear(void)
{
	klogctl(CLEAR, NULL, 0);
}

/* What LINE, "<LEVEL>[TIME] TEXT", says of a trouble; NULL: of none. */
static const char *trouble_of(const char *line)
{
	char *behind;
	unsigned long level;

	if (*line != '<')
		return NULL;
	level = strtoul(line + 1, &behind, 10) & 7;
	if (*behind != '>' || level > LEVEL_MAX)
		return NULL;
	behind++;
	if (*behind == '[' && strchr(behind, ']'))
		behind = strchr(behind, ']') + 1;
	return behind + strspn(behind, " ");
}

void agent_kernel_log_trouble(char *ret, size_t size)
{
	static char log[LOG_BYTES];
	int length = klogctl(READ_ALL, log, sizeof(log) - 1);
	char *text = log, *line;
	const char *found = NULL;

	log[length > 0 ? length : 0] = '\0';
	while (!found && (line = strsep(&text, "\n")))
		found = trouble_of(line);
	snprintf(ret, size, "%s", found ? found : "");
}
