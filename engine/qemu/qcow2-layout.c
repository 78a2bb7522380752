/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qcow2-layout.h"

#include <string.h>

#define CLUSTER_SIZE_USUAL  65536
#define CLUSTER_SIZE_MIN    512
#define CLUSTER_SIZE_MAX    ((json_int_t)2 * 1024 * 1024)
#define EXTENDED_L2_MIN     ((json_int_t)16 * 1024)
#define REFCOUNT_BITS_USUAL 16
#define REFCOUNT_BITS_MAX   64

static gboolean is_power_of_two(json_int_t number)
{
	return number > 0 && (number & (number - 1)) == 0;
}

/* Copies what differs from the USUAL. */
static void take(json_t *layout, const char *name, const json_t *value, json_t *usual)
{
	if (value && !json_equal(value, usual))
		json_object_set_new(layout, name, json_deep_copy(value));
	json_decref(usual);
}

json_t *vk_qcow2_layout_of(const json_t *info)
{
	const json_t *facts = json_object_get(json_object_get(info, "format-specific"), "data");
	json_t *layout = json_object();

	take(layout, "cluster_size", json_object_get(info, "cluster-size"),
	     json_integer(CLUSTER_SIZE_USUAL));
	take(layout, "refcount_bits", json_object_get(facts, "refcount-bits"),
	     json_integer(REFCOUNT_BITS_USUAL));
	take(layout, "extended_l2", json_object_get(facts, "extended-l2"), json_false());
	take(layout, "lazy_refcounts", json_object_get(facts, "lazy-refcounts"), json_false());
	take(layout, "compat", json_object_get(facts, "compat"), json_string("1.1"));
	take(layout, "compression_type", json_object_get(facts, "compression-type"),
	     json_string("zlib"));
	take(layout, "data_file", json_object_get(facts, "data-file"), json_null());
	return layout;
}

static void add_option(GString *options, const char *name, const char *value)
{
	g_string_append_printf(options, "%s%s=%s", options->len ? "," : "", name, value);
}

static void add_number(GString *options, const json_t *layout, const char *name, json_int_t min,
		       json_int_t max)
{
	const json_t *value = json_object_get(layout, name);
	json_int_t number = json_integer_value(value);
	g_autofree char *text = g_strdup_printf("%" JSON_INTEGER_FORMAT, number);

	if (value && is_power_of_two(number) && number >= min && number <= max)
		add_option(options, name, text);
}

static void add_flag(GString *options, const json_t *layout, const char *name)
{
	if (json_is_true(json_object_get(layout, name)))
		add_option(options, name, "on");
}

/* A value of few. */
static void add_word(GString *options, const json_t *layout, const char *name, const char *known)
{
	if (g_strcmp0(json_string_value(json_object_get(layout, name)), known) == 0)
		add_option(options, name, known);
}

char *vk_qcow2_layout_options(const json_t *layout)
{
	g_autoptr(GString) options = g_string_new(NULL);
	const json_t *extended = json_object_get(layout, "extended_l2");

	add_number(options, layout, "cluster_size",
		   json_is_true(extended) ? EXTENDED_L2_MIN : CLUSTER_SIZE_MIN, CLUSTER_SIZE_MAX);
	/* Version 2 knows none of what follows. */
	add_word(options, layout, "compat", "0.10");
	if (!strstr(options->str, "compat")) {
		add_number(options, layout, "refcount_bits", 1, REFCOUNT_BITS_MAX);
		add_flag(options, layout, "extended_l2");
		add_flag(options, layout, "lazy_refcounts");
		add_word(options, layout, "compression_type", "zstd");
	}
	return options->len ? g_string_free(g_steal_pointer(&options), FALSE) : NULL;
}

const char *vk_qcow2_layout_data_file(const json_t *layout)
{
	return json_string_value(json_object_get(layout, "data_file"));
}
