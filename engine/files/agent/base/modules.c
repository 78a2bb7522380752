/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "modules.h"

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void path_of(const char *file, char *ret, size_t size)
{
	size_t length;

	agent_platform_modules(ret, size);
	length = strlen(ret);
	snprintf(ret + length, size - length, "/%s", file);
}

static FILE *open_list(const char *name)
{
	char path[512];

	path_of(name, path, sizeof(path));
	return fopen(path, "re");
}

/* FILE is relative to the folder of the modules. */
static bool insert(const char *file)
{
	char path[512];
	bool done;
	int fd;

	path_of(file, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	done = fd >= 0 && (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST);
	if (!done)
		fprintf(stderr, "cannot load '%s': %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}

/* LINE is "FILE: NEEDED NEEDED...". What is needed is loaded from the last to the first. */
static bool insert_all(char *line)
{
	char *word;

	while ((word = strrchr(line, ' '))) {
		*word++ = '\0';
		if (*word && !insert(word))
			return false;
	}
	line[strcspn(line, ":")] = '\0';
	return insert(line);
}

/* Whether LINE of modules.dep is the module NAME, in which '-' and '_' are the same. */
static bool is_line_of(const char *line, const char *name)
{
	const char *base = line;
	size_t length = strlen(name);

	for (const char *at = line; *at && *at != ':'; at++)
		if (*at == '/')
			base = at + 1;
	for (size_t i = 0; i < length; i++)
		if ((base[i] == '-' ? '_' : base[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	return strncmp(base + length, ".ko:", 4) == 0;
}

static bool load_named(const char *name)
{
	FILE *list = open_list("modules.dep");
	bool found = false, done = false;
	char *line = NULL;
	size_t room = 0;

	while (list && !found && getline(&line, &room, list) > 0) {
		found = is_line_of(line, name);
		line[strcspn(line, "\n")] = '\0';
		if (found)
			done = insert_all(line);
	}
	free(line);
	if (list)
		fclose(list);
	return done;
}

static bool load_aliased(const char *name)
{
	FILE *list = open_list("modules.alias");
	char pattern[256], module[256], *line = NULL;
	bool done = false;
	size_t room = 0;

	while (list && getline(&line, &room, list) > 0)
		if (sscanf(line, "alias %255s %255s", pattern, module) == 2 &&
		    fnmatch(pattern, name, 0) == 0 && load_named(module))
			done = true;
	free(line);
	if (list)
		fclose(list);
	return done;
}

bool agent_modules_load(const char *name)
{
	return load_named(name) || load_aliased(name);
}
