/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "json.h"

#include "errors.h"

#include <check.h>
#include <string.h>

START_TEST(only_whole_objects_are_parsed)
{
	static const char *const texts[] = {
		"", "[]", "7", "{", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_ptr_null(vk_json_parse(texts[i], strlen(texts[i]), "the file", &error));
		ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
		ck_assert_ptr_nonnull(strstr(error->message, "'the file'"));
	}
}
END_TEST

/* {"a":[UNIT,UNIT,...]}, a megabyte. */
static char *make_large(const char *unit)
{
	GString *text = g_string_new("{\"a\":[");

	while (text->len < 1024 * 1024) {
		g_string_append(text, unit);
		g_string_append_c(text, ',');
	}
	g_string_truncate(text, text->len - 1);
	g_string_append(text, "]}");
	return g_string_free(text, FALSE);
}

static json_t *parse_large(const char *unit, GError **error)
{
	g_autofree char *text = make_large(unit);

	return vk_json_parse(text, strlen(text), "the file", error);
}

/* They would take a hundred times as much memory as the text. */
START_TEST(many_small_values_are_refused)
{
	static const char *const units[] = {"[]", "{}", "[[],{}]", "0", "\"\"", "\"\\\"\",[]"};

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(json_t) value = parse_large(units[i], &error);

		ck_assert_msg(!value, "%s", units[i]);
		ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
		ck_assert_ptr_nonnull(strstr(error->message, "too many values"));
	}
}
END_TEST

/* The densest are the segments of a map. What is in a string is no value. */
START_TEST(large_objects_are_parsed)
{
	static const char *const units[] = {
		"{\"first\":0,\"last\":0,\"pack\":\"00112233445566778899aabbccddeeff\","
		"\"pages\":1,\"slot\":0}",
		"1767322000000000", "\"[[[[{{{{,,,,\\\",[],[],\\\\\""};

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(json_t) value = parse_large(units[i], &error);

		ck_assert_msg(value, "%s: %s", units[i], error ? error->message : "");
	}
}
END_TEST

START_TEST(lines_are_canonical)
{
	static const char text[] = "{ \"b\": [1, 2],\n \"a\": \"x\\ny\" }";
	g_autoptr(json_t) object = vk_json_parse(text, strlen(text), "text", NULL);
	g_autofree char *line = vk_json_line(object);

	ck_assert_str_eq(line, "{\"a\":\"x\\ny\",\"b\":[1,2]}");
}
END_TEST

START_TEST(members_have_their_types)
{
	static const char text[] = "{\"s\":\"x\",\"n\":5,\"m\":-1,\"r\":1.0,\"b\":true,\"z\":null,"
				   "\"l\":[],\"o\":{}}";
	g_autoptr(json_t) object = vk_json_parse(text, strlen(text), "text", NULL);
	g_autoptr(GError) error = NULL;
	const char *string;
	gboolean boolean;
	guint64 number;
	json_t *value;

	ck_assert(vk_json_string(object, "s", &string, NULL));
	ck_assert_str_eq(string, "x");
	ck_assert(vk_json_uint(object, "n", &number, NULL));
	ck_assert_uint_eq(number, 5);
	ck_assert(vk_json_bool(object, "b", &boolean, NULL));
	ck_assert(boolean);
	ck_assert(vk_json_array(object, "l", &value, NULL));
	ck_assert(vk_json_object(object, "o", &value, NULL));
	ck_assert(!vk_json_string(object, "n", &string, NULL));
	ck_assert(!vk_json_uint(object, "m", &number, NULL));
	ck_assert(!vk_json_uint(object, "r", &number, NULL));
	ck_assert(!vk_json_bool(object, "n", &boolean, NULL));
	ck_assert(!vk_json_array(object, "o", &value, NULL));
	ck_assert(!vk_json_object(object, "l", &value, NULL));
	ck_assert(!vk_json_uint(object, "absent", &number, &error));
	ck_assert_int_eq(error->code, VK_ERROR_DAMAGE);
	ck_assert_ptr_nonnull(strstr(error->message, "'absent'"));
	ck_assert_ptr_null(vk_json_optional_string(object, "z"));
	ck_assert_ptr_null(vk_json_optional_string(object, "absent"));
}
END_TEST

START_TEST(any_bytes_become_a_string)
{
	g_autoptr(json_t) broken = vk_json_new_string("a\xff"
						      "b");
	g_autoptr(json_t) none = vk_json_new_string(NULL);

	ck_assert_str_eq(json_string_value(broken), "a\xef\xbf\xbd"
						    "b");
	ck_assert(json_is_null(none));
}
END_TEST

START_TEST(numbers_have_64_bits)
{
	static const guint64 numbers[] = {0, 5, G_MAXINT64, (guint64)G_MAXINT64 + 1, G_MAXUINT64};
	static const char *const lines[] = {"{\"n\":0}", "{\"n\":5}", "{\"n\":9223372036854775807}",
					    "{\"n\":\"9223372036854775808\"}",
					    "{\"n\":\"18446744073709551615\"}"};

	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autoptr(json_t) object = json_object();
		g_autoptr(json_t) read = NULL;
		g_autofree char *line = NULL;
		guint64 number = 0;

		json_object_set_new(object, "n", vk_json_new_uint(numbers[i]));
		line = vk_json_line(object);
		ck_assert_str_eq(line, lines[i]);
		read = vk_json_parse(line, strlen(line), "line", NULL);
		ck_assert(vk_json_uint(read, "n", &number, NULL));
		ck_assert(number == numbers[i]);
	}
}
END_TEST

START_TEST(other_strings_are_no_numbers)
{
	static const char text[] = "{\"a\":\"5\",\"b\":\"18446744073709551616\",\"c\":\"\","
				   "\"d\":\"-9223372036854775808\",\"e\":\"x\"}";
	g_autoptr(json_t) object = vk_json_parse(text, strlen(text), "text", NULL);
	const char *key;
	json_t *value;
	guint64 number;

	json_object_foreach (object, key, value)
		ck_assert_msg(!vk_json_uint(object, key, &number, NULL), "%s", key);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *cases = tcase_create("json");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, only_whole_objects_are_parsed);
	tcase_add_test(cases, many_small_values_are_refused);
	tcase_add_test(cases, large_objects_are_parsed);
	tcase_add_test(cases, lines_are_canonical);
	tcase_add_test(cases, members_have_their_types);
	tcase_add_test(cases, numbers_have_64_bits);
	tcase_add_test(cases, other_strings_are_no_numbers);
	tcase_add_test(cases, any_bytes_become_a_string);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
