/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job-steps.h"

#include "keep-jobs.h"
#include "text.h"

static void step_free(gpointer data)
{
	VkJobStep *step = data;

	g_strfreev(step->words);
	g_free(step->error);
	g_free(step);
}

static VkJobStep *add_step(GPtrArray *steps, const char *name, GStrvBuilder *words)
{
	VkJobStep *step = g_new0(VkJobStep, 1);

	step->name = name;
	step->words = g_strv_builder_end(words);
	g_ptr_array_add(steps, step);
	return step;
}

/* --OPTION=VALUE; nothing without a value. */
static void add_option(GStrvBuilder *words, const char *option, const char *value)
{
	g_autofree char *word = g_strdup_printf("--%s=%s", option, value);

	if (value)
		g_strv_builder_add(words, word);
}

static void add_options(GStrvBuilder *words, const VkSettings *settings, const char *section,
			const char *key, const char *option)
{
	g_auto(GStrv) values = vk_settings_get_words(settings, section, key);

	for (char **value = values; *value; value++)
		add_option(words, option, *value);
}

static void add_guests(GStrvBuilder *words, const VkSettings *settings, const char *section)
{
	g_auto(GStrv) guests = vk_settings_get_words(settings, section, "guests");
	g_auto(GStrv) tags = vk_settings_get_words(settings, section, "tags");

	if (!*guests && !*tags)
		g_strv_builder_add(words, "--all");
	if (*guests)
		g_strv_builder_add(words, "--");
	for (char **guest = guests; *guest; guest++)
		g_strv_builder_add(words, *guest);
}

static void plan_backup(GPtrArray *steps, const VkSettings *settings, const char *name,
			const char *section)
{
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();

	g_strv_builder_add(words, "backup");
	add_option(words, "label", vk_keep_job_label(settings, name));
	add_option(words, "mode", vk_settings_get(settings, section, "mode"));
	add_option(words, "quiesce", vk_settings_get(settings, section, "quiesce"));
	if (g_str_equal(vk_settings_get(settings, section, "group"), "yes"))
		g_strv_builder_add(words, "--group");
	add_options(words, settings, section, "tags", "tag");
	add_options(words, settings, section, "exclude", "exclude");
	add_guests(words, settings, section);
	add_step(steps, "backup", words);
}

/* One step for each of the other vaults: one that is away keeps none of them from being reached. */
static void plan_replicate(GPtrArray *steps, const VkSettings *settings, const char *section)
{
	g_auto(GStrv) vaults = vk_settings_get_words(settings, section, "replicate");

	for (char **vault = vaults; *vault; vault++) {
		g_autoptr(GStrvBuilder) words = g_strv_builder_new();

		g_strv_builder_add(words, VK_JOB_REPLICATE);
		add_option(words, "to", *vault);
		add_step(steps, VK_JOB_REPLICATE, words);
	}
}

GPtrArray *vk_job_steps_plan(const VkSettings *settings, const char *name)
{
	g_autofree char *section = g_strdup_printf("job %s", name);
	const char *share = vk_settings_get(settings, section, "verify_share");
	g_autoptr(GStrvBuilder) forget = g_strv_builder_new();
	g_autoptr(GStrvBuilder) verify = g_strv_builder_new();
	GPtrArray *steps = g_ptr_array_new_with_free_func(step_free);

	plan_backup(steps, settings, name, section);
	plan_replicate(steps, settings, section);
	if (vk_keep_job_has_rules(settings, name)) {
		g_strv_builder_add_many(forget, "forget", "--policy", NULL);
		add_option(forget, "job", name);
		/* It could forget what the other vault does not have yet. */
		add_step(steps, "forget", forget)->needs_replica = TRUE;
	}
	if (share) {
		g_strv_builder_add_many(verify, "verify", "--data", NULL);
		add_option(verify, "share", share);
		add_step(steps, "verify", verify);
	}
	return steps;
}

char *vk_job_step_text(const VkJobStep *step)
{
	GString *text = g_string_new("virtkeep");

	for (char **word = step->words; *word; word++) {
		g_autofree char *quoted = g_shell_quote(*word);
		gboolean is_plain = g_regex_match_simple("^[A-Za-z0-9_./=:@%+,-]+$", *word, 0, 0);

		g_string_append_printf(text, " %s", is_plain ? *word : quoted);
	}
	return g_string_free(text, FALSE);
}
