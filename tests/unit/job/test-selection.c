/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which guests are chosen, of a host that libvirt's test driver makes up inside this process. */
#include "selection.h"

#include "errors.h"
#include "guest-tags.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#define UUID "11111111-2222-4333-8444-"

static const char config[] = "[guest web2]\nskip = yes\n[guest db]\nskip = no\n"
			     "[guest " UUID "000000000004]\nskip = yes\n";

static const char *const guest_names[] = {"db", "web1", "web2", "test-1", "odd[1]*"};

static char *root;
static VkHost *host;
static VkSettings *settings;

static void setup(void)
{
	g_autoptr(GString) node = g_string_new("<node>");
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;
	g_autofree char *uri = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(guest_names); i++)
		g_string_append_printf(node,
				       "<domain type='test'><name>%s</name>"
				       "<uuid>" UUID "%012u</uuid><memory>1048576</memory>"
				       "<os><type>hvm</type></os></domain>",
				       guest_names[i], (guint)i + 1);
	g_string_append(node, "</node>");
	root = g_dir_make_tmp("virtkeep-selection-XXXXXX", NULL);
	path = g_build_filename(root, "node.xml", NULL);
	ck_assert(g_file_set_contents(path, node->str, -1, NULL));
	uri = g_strdup_printf("test://%s", path);
	host = vk_host_open(uri, &error);
	g_assert_no_error(error);
	g_unlink(path);
	settings = vk_settings_parse(config, strlen(config), "test", &error);
	g_assert_no_error(error);
}

static void teardown(void)
{
	vk_host_free(host);
	vk_settings_free(settings);
	g_rmdir(root);
	g_free(root);
}

/*
 * What NAMES, TAGS and EXCLUDE, words separated by spaces, choose: "guests | left out | unknown !
 * unfit".
 */
static char *choose(const char *names, const char *tags, const char *exclude)
{
	g_auto(GStrv) name_words = names ? g_strsplit(names, " ", -1) : NULL;
	g_auto(GStrv) tag_words = tags ? g_strsplit(tags, " ", -1) : NULL;
	g_auto(GStrv) exclude_words = exclude ? g_strsplit(exclude, " ", -1) : NULL;
	g_autoptr(GError) error = NULL;
	const VkSelectionWords words = {
		.names = name_words, .tags = tag_words, .exclude = exclude_words};
	g_autoptr(VkSelection) selection = vk_select_guests(host, settings, &words, &error);
	g_autoptr(GString) text = g_string_new(NULL);

	g_assert_no_error(error);
	for (guint i = 0; i < selection->guests->len; i++)
		g_string_append_printf(text, "%s ",
				       vk_guest_name(g_ptr_array_index(selection->guests, i)));
	g_string_append(text, "|");
	for (guint i = 0; i < selection->left_out->len; i++) {
		const VkLeftOut *left_out = g_ptr_array_index(selection->left_out, i);

		g_string_append_printf(text, " %s (%s)", left_out->guest, left_out->reason);
	}
	g_string_append(text, " |");
	for (guint i = 0; i < selection->unknown->len; i++) {
		const VkUnknownGuest *unknown = g_ptr_array_index(selection->unknown, i);

		ck_assert_int_eq(unknown->error->code, VK_ERROR_NOT_FOUND);
		ck_assert_ptr_nonnull(strstr(unknown->error->message, unknown->name));
		g_string_append_printf(text, " %s", unknown->name);
	}
	for (guint i = 0; i < selection->unfit->len; i++)
		g_string_append_printf(text, "%s %s", i ? "" : " !",
				       (const char *)g_ptr_array_index(selection->unfit, i));
	return g_strdup(text->str);
}

START_TEST(guests_are_chosen)
{
	static const char skipped[] = "the configuration says skip";
	static const struct {
		const char *names, *exclude, *chosen;
	} rows[] = {
		{NULL, NULL, "db odd[1]* web1 | test-1 (%s) web2 (%s) |"},
		{NULL, "w*",
		 "db odd[1]* | test-1 (%s) web1 (--exclude 'w*' was given) "
		 "web2 (--exclude 'w*' was given) |"},
		{NULL, "web1 none",
		 "db odd[1]* | test-1 (%s) web1 (--exclude 'web1' was given) "
		 "web2 (%s) | ! none"},
		{NULL, "tset* web9 *",
		 "| db (--exclude '*' was given) odd[1]* (--exclude '*' was given) "
		 "test-1 (--exclude '*' was given) web1 (--exclude '*' was given) "
		 "web2 (--exclude '*' was given) | ! tset* web9"},
		/* One that is not asked for is left out, too. */
		{"db", "web1 web2", "db | |"},
		/* Who is named comes, who is only meant does not. */
		{"web2", NULL, "web2 | |"},
		{"web*", NULL, "web1 | web2 (%s) |"},
		{"web* web2", NULL, "web2 web1 | |"},
		{"web2", "web*", "| web2 (--exclude 'web*' was given) |"},
		{"web? db web1", NULL, "db web1 | web2 (%s) |"},
		{UUID "000000000002 web1", NULL, "web1 | |"},
		{UUID "000000000002", UUID "000000000002",
		 "| web1 (--exclude '" UUID "000000000002' was given) |"},
		/* A name is one, whatever is in it. */
		{"odd[1]*", NULL, "odd[1]* | |"},
		{"odd[*", NULL, "odd[1]* | |"},
		{"odd?", NULL, "| | odd?"},
		{"nobody x* web[12]", NULL, "web1 | web2 (%s) | nobody x*"},
		{"db", "*", "| db (--exclude '*' was given) |"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) wanted = g_string_new(rows[i].chosen);
		g_autofree char *chosen = choose(rows[i].names, NULL, rows[i].exclude);

		g_string_replace(wanted, "%s", skipped, 0);
		ck_assert_str_eq(chosen, wanted->str);
	}
}
END_TEST

static void tag(const char *name, const char *const *tags)
{
	g_autoptr(VkGuest) guest = vk_host_find(host, name, NULL);
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) read = NULL;

	ck_assert_ptr_nonnull(guest);
	ck_assert_msg(vk_guest_set_tags(guest, tags, &error), "%s", error ? error->message : "");
	read = vk_guest_get_tags(guest, NULL);
	ck_assert_ptr_nonnull(read);
	ck_assert(g_strv_equal((const char *const *)read, tags));
}

START_TEST(guests_are_chosen_by_tags)
{
	static const struct {
		const char *names, *tags, *exclude, *chosen;
	} rows[] = {
		{NULL, "gold", NULL, "db web1 | web2 (the configuration says skip) |"},
		{NULL, "nightly gold", NULL, "db web1 | web2 (the configuration says skip) |"},
		{NULL, "nightly", NULL, "web1 | |"},
		{"odd?1?? db", "nightly", NULL, "db odd[1]* web1 | |"},
		/* Who is named comes, also if a tag would leave it out. */
		{"web2", "gold", "db", "web2 web1 | db (--exclude 'db' was given) |"},
		{NULL, "gold silver Gold", NULL,
		 "db web1 | web2 (the configuration says skip) | silver Gold"},
	};

	tag("db", (const char *const[]){"gold", NULL});
	tag("web1", (const char *const[]){"gold", "nightly", NULL});
	tag("web2", (const char *const[]){"gold", NULL});
	tag("test-1", (const char *const[]){"silver", NULL});
	tag("test-1", (const char *const[]){NULL});
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *chosen = choose(rows[i].names, rows[i].tags, rows[i].exclude);

		ck_assert_str_eq(chosen, rows[i].chosen);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("selection");
	TCase *cases = tcase_create("selection");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, guests_are_chosen);
	tcase_add_test(cases, guests_are_chosen_by_tags);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
