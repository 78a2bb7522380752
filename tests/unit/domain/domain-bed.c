/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-bed.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

char *load(const char *name)
{
	g_autofree char *path = g_build_filename(g_getenv("VK_TEST_DATA"), "domains", name, NULL);
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	g_file_get_contents(path, &text, NULL, &error);
	g_assert_no_error(error);
	return text;
}

char *rewrite(const char *xml, const VkDomainChanges *changes)
{
	g_autoptr(GError) error = NULL;
	char *text = vk_domain_rewrite(xml, changes, &error);

	g_assert_no_error(error);
	return text;
}

static void flatten_node(const xmlNode *node, const char *above, GPtrArray *lines)
{
	g_autofree char *path = g_strdup_printf("%s/%s", above, node->name);
	gboolean is_leaf = TRUE;

	for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
		xmlChar *value = xmlNodeGetContent((const xmlNode *)attribute);

		g_ptr_array_add(lines, g_strdup_printf("%s@%s=%s", path, attribute->name, value));
		xmlFree(value);
	}
	for (const xmlNode *child = node->children; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE) {
			flatten_node(child, path, lines);
			is_leaf = FALSE;
		}
	if (is_leaf) {
		xmlChar *text = xmlNodeGetContent(node);

		g_ptr_array_add(lines, g_strdup_printf("%s=%s", path, text));
		xmlFree(text);
	}
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *flatten(const char *xml)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, 0);
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	ck_assert_ptr_nonnull(doc);
	for (const xmlNode *node = xmlDocGetRootElement(doc)->children; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE)
			flatten_node(node, "", lines);
	for (const xmlAttr *attribute = xmlDocGetRootElement(doc)->properties; attribute;
	     attribute = attribute->next)
		g_ptr_array_add(lines, g_strdup_printf("@%s", attribute->name));
	xmlFreeDoc(doc);
	g_ptr_array_sort(lines, compare_lines);
	return lines;
}

char *difference(const char *before, const char *after)
{
	g_autoptr(GPtrArray) old = flatten(before);
	g_autoptr(GPtrArray) new = flatten(after);
	GString *text = g_string_new(NULL);
	guint i = 0, j = 0;

	while (i < old->len || j < new->len) {
		int order = i == old->len   ? 1
			    : j == new->len ? -1
					    : strcmp(old->pdata[i], new->pdata[j]);

		if (order < 0)
			g_string_append_printf(text, "- %s\n", (char *)old->pdata[i]);
		if (order > 0)
			g_string_append_printf(text, "+ %s\n", (char *)new->pdata[j]);
		i += order <= 0;
		j += order >= 0;
	}
	return g_string_free(text, FALSE);
}

void assert_difference(const char *name, const VkDomainChanges *changes, const char *expected)
{
	g_autofree char *before = load(name);
	g_autofree char *after = rewrite(before, changes);
	g_autofree char *found = difference(before, after);

	ck_assert_str_eq(found, expected);
}

int run_domain_tests(const char *name, void (*add)(TCase *tests))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create(name);
	SRunner *runner;
	int failed;

	add(tests);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
