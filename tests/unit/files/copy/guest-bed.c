/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-bed.h"

#include "inside.h"
#include "temp-vault.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

VkGuestWriter *bed_writer;
const char *bed_spoilt, *bed_instead;
guint bed_runs;
static char *wires;

/* ---- the guest ---- */

gboolean vk_inside_run(VkInside *inside, const VkScript *script, guint timeout_sec, VkOutcome *ret,
		       GError **error)
{
	g_auto(GStrv) parts = g_strsplit(script->text, bed_spoilt, -1);
	g_autofree char *changed = g_strjoinv(bed_instead, parts);
	g_autofree char *input = g_build_filename(wires, "input", NULL);
	g_autofree char *output = g_build_filename(wires, "output", NULL);
	g_autofree char *text = g_strdup_printf("exec < '%s' > '%s'\n%s", input, output, changed);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	int status;

	bed_runs++;
	g_ptr_array_add(argv, g_strdup("/bin/sh"));
	g_ptr_array_add(argv, g_strdup("-c"));
	g_ptr_array_add(argv, g_steal_pointer(&text));
	g_ptr_array_add(argv, g_strdup("virtkeep"));
	for (const char *const *word = script->words; *word; word++) {
		ck_assert(g_utf8_validate(*word, -1, NULL));
		g_ptr_array_add(argv, g_strdup(*word));
	}
	g_ptr_array_add(argv, NULL);
	ck_assert_uint_le(script->length, VK_INSIDE_INPUT_MAX);
	ck_assert(g_file_set_contents(input, (const char *)script->input, (gssize)script->length,
				      NULL));
	ck_assert(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
			       &ret->errors, &status, NULL));
	ck_assert(g_file_get_contents(output, &ret->out, &ret->length, NULL));
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	g_strchomp(ret->errors);
	return TRUE;
}

void vk_outcome_clear(VkOutcome *outcome)
{
	g_clear_pointer(&outcome->out, g_free);
	g_clear_pointer(&outcome->errors, g_free);
}

/* ---- the walk ---- */

void bed_begin(gboolean overwrite)
{
	const VkCopySum sum = {.bytes = 1};

	bed_writer = vk_guest_writer_new(NULL, "web", bed_directory, overwrite, NULL);
	ck_assert_ptr_nonnull(bed_writer);
	bed_calls = vk_guest_writer_calls(bed_writer);
	ck_assert(vk_guest_writer_begin(bed_writer, "top", &sum, NULL));
}

void bed_set_up(void)
{
	bed_make_directories();
	wires = temp_directory_new();
	bed_spoilt = "no such text";
	bed_instead = "";
	bed_runs = 0;
}

void bed_tear_down(void)
{
	g_clear_pointer(&bed_writer, vk_guest_writer_free);
	bed_remove_directories();
	temp_directory_remove(wires);
	g_free(wires);
}

const VkCopyCount *bed_end(void)
{
	ck_assert(vk_guest_writer_end(bed_writer, NULL));
	return vk_guest_writer_count(bed_writer);
}
