/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds files to a fuzz target: fuzz-NAME FILE-OR-DIRECTORY... Fails when it was fed nothing. */
#include "fuzz.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

static unsigned count;

static void feed_file(const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, &error))
		g_error("%s", error->message);
	/* A copy of the exact length, so that a sanitizer sees a read beyond its end. */
	uint8_t *data = malloc(length ? length : 1);
	if (!data)
		g_error("out of memory");
	memcpy(data, text, length);
	LLVMFuzzerTestOneInput(data, length);
	free(data);
	count++;
}

static void feed(const char *path)
{
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	const char *name;

	if (!directory) {
		feed_file(path);
		return;
	}
	while ((name = g_dir_read_name(directory))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		feed(child);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		feed(argv[i]);
	g_print("%u inputs\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
