/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recorded walks that are compared. */
#include "tree-diff.h"

#include "errors.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_0 (S_IFREG | 0644)
#define DIR_0  (S_IFDIR | 0755)

/* A part of a walk: an entry, or a path that could not be read. */
typedef struct Part {
	const char *path;
	guint32 mode; /* 0: it could not be read */
	guint64 size;
	gint64 time;
	const char *text; /* of a file: its content; of a link: its target */
	guint32 uid;
} Part;

typedef struct Recording {
	const Part *parts;
	guint next;
	VkDiffSide *side;
} Recording;

static GString *found;

static gboolean play(const VkWalkCalls *calls, const Part *part, GError **error)
{
	const VkEntry entry = {.path = (char *)(guintptr)part->path,
			       .target = S_ISLNK(part->mode) ? (char *)(guintptr)part->text : NULL,
			       .mode = part->mode,
			       .size = part->size,
			       .uid = part->uid,
			       .mtime_sec = part->time};

	if (!part->mode) {
		calls->unread(calls->data, part->path);
		return TRUE;
	}
	return calls->entry(calls->data, &entry, error) &&
	       (!S_ISREG(part->mode) || !part->text ||
		calls->bytes(calls->data, 0, (const guint8 *)part->text, strlen(part->text),
			     error));
}

/* The last part has no path. Its size is the error that the walk ends with. */
static gboolean step(gpointer data, gboolean *ret_ended, GError **error)
{
	Recording *recording = data;
	const Part *part = &recording->parts[recording->next++];
	const VkWalkCalls calls = vk_diff_side_calls(recording->side);

	*ret_ended = !part->path;
	if (part->path)
		return play(&calls, part, error);
	return !part->size || vk_fail(error, (int)part->size, "the end");
}

static gboolean report(gpointer data, VkDiffKind kind, const VkEntry *before, const VkEntry *after,
		       GError **error)
{
	ck_assert((kind == VK_DIFF_ADDED) == !before && (kind == VK_DIFF_REMOVED) == !after);
	g_string_append_printf(found, "%c%s ", "+-TMU"[kind], after ? after->path : before->path);
	return TRUE;
}

static gboolean diff(const char *path, gboolean with_data, const Part *before, const Part *after,
		     GError **error)
{
	Recording one = {.parts = before}, other = {.parts = after};
	gboolean ok;

	one.side = vk_diff_side_new(path, with_data, step, &one);
	other.side = vk_diff_side_new(path, with_data, step, &other);
	g_string_truncate(found, 0);
	ok = vk_tree_diff(one.side, other.side, report, NULL, error);
	if (ok && vk_diff_side_trouble(other.side))
		g_string_append(found, vk_diff_side_trouble(other.side)->message);
	vk_diff_side_free(one.side);
	vk_diff_side_free(other.side);
	return ok;
}

static void set_up(void)
{
	found = g_string_new(NULL);
}

static void tear_down(void)
{
	g_string_free(found, TRUE);
}

START_TEST(what_differs)
{
	static const Part before[] = {
		{"", DIR_0, 0, 1},
		{"a", DIR_0, 0, 1},
		{"a/gone", FILE_0, 5, 1},
		{"a/same", FILE_0, 5, 1},
		{"a.b", FILE_0, 5, 1},
		{"link", S_IFLNK | 0777, 0, 1, "x"},
		{"owner", FILE_0, 5, 1},
		{"size", FILE_0, 5, 1},
		{"time", FILE_0, 5, 1},
		{"type", FILE_0, 5, 1},
		{NULL},
	};
	static const Part after[] = {
		{"", DIR_0, 0, 2},
		{"a", S_IFDIR | 0700, 0, 2},
		{"a/same", FILE_0, 5, 1},
		{"a-new", FILE_0, 5, 1},
		{"a.b", FILE_0, 5, 1},
		{"link", S_IFLNK | 0777, 0, 1, "y"},
		{"owner", FILE_0, 5, 1, NULL, 7},
		{"size", FILE_0, 6, 1},
		{"time", FILE_0, 5, 2},
		{"type", DIR_0, 0, 1},
		{"type/below", FILE_0, 0, 1},
		{NULL},
	};

	ck_assert(diff("/", FALSE, before, after, NULL));
	ck_assert_str_eq(found->str,
			 "Ua -a/gone +a-new Mlink Uowner Msize Mtime Ttype +type/below ");
	ck_assert(diff("/", FALSE, after, after, NULL));
	ck_assert_str_eq(found->str, "");
}
END_TEST

START_TEST(contents)
{
	static const Part before[] = {
		{"hidden", FILE_0, 5, 1, "hello"},
		{"touched", FILE_0, 5, 1, "hello"},
		{"zeros", FILE_0, 5, 1},
		{NULL},
	};
	static const Part after[] = {
		{"hidden", FILE_0, 5, 1, "HELLO"},
		{"touched", FILE_0, 5, 2, "hello"},
		{"zeros", FILE_0, 5, 1},
		{NULL},
	};

	ck_assert(diff("/", TRUE, before, after, NULL));
	ck_assert_str_eq(found->str, "Mhidden Utouched ");
	ck_assert(diff("/", FALSE, before, after, NULL));
	ck_assert_str_eq(found->str, "Mtouched ");
}
END_TEST

/* Nothing is said of what one side could not read: of a directory, a file, what was not mounted. */
START_TEST(what_is_unread)
{
	static const Part before[] = {
		{"dir", DIR_0},     {"dir/a", FILE_0},
		{"dir/sub", DIR_0}, {"dir/sub/b", FILE_0},
		{"dirt", FILE_0},   {"file", FILE_0},
		{"mount", DIR_0},   {"mount/c", FILE_0},
		{"unseen", FILE_0}, {NULL},
	};
	static const Part after[] = {
		{"/srv/mount", 0}, {"dir", DIR_0},      {"dir", 0},    {"file", FILE_0, 1},
		{"file", 0},       {"mount", DIR_0, 9}, {"unseen", 0}, {NULL, 0, VK_ERROR_PARTIAL},
	};

	ck_assert(diff("/srv/", FALSE, before, after, NULL));
	ck_assert_str_eq(found->str, "-dirt the end");
}
END_TEST

START_TEST(no_order)
{
	static const Part before[] = {{"b", FILE_0}, {"a", FILE_0}, {NULL}};
	static const Part twice[] = {{"b", FILE_0}, {"b", FILE_0}, {NULL}};
	static const Part after[] = {{"a", FILE_0}, {"b", FILE_0}, {NULL}};
	g_autoptr(GError) error = NULL;

	ck_assert(!diff("/", FALSE, before, after, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "out of order"));
	ck_assert(!diff("/", FALSE, after, twice, NULL));
}
END_TEST

START_TEST(a_walk_that_fails)
{
	static const Part before[] = {{"a", FILE_0}, {NULL}};
	static const Part after[] = {{"a", FILE_0}, {NULL, 0, VK_ERROR_PARTIAL}};
	static const Part none[] = {{NULL}};

	ck_assert(diff("/", FALSE, before, after, NULL));
	ck_assert_str_eq(found->str, "the end");
	ck_assert(diff("/", FALSE, before, none, NULL));
	ck_assert_str_eq(found->str, "-a ");
}
END_TEST

static const struct {
	const char *one, *other;
} ordered[] = {
	{"", "a"},      {"a", "b"},  {"a", "a/b"},       {"a/b", "a-b"},
	{"a/z", "a.b"}, {"a", "a-"}, {"a\x7f", "a\xff"}, {"a/\x01", "a\x01"},
};

START_TEST(the_order)
{
	ck_assert_int_lt(vk_walk_order(ordered[_i].one, ordered[_i].other), 0);
	ck_assert_int_gt(vk_walk_order(ordered[_i].other, ordered[_i].one), 0);
	ck_assert_int_eq(vk_walk_order(ordered[_i].one, ordered[_i].one), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-diff");
	TCase *cases = tcase_create("tree-diff");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_differs);
	tcase_add_test(cases, contents);
	tcase_add_test(cases, what_is_unread);
	tcase_add_test(cases, no_order);
	tcase_add_test(cases, a_walk_that_fails);
	tcase_add_loop_test(cases, the_order, 0, G_N_ELEMENTS(ordered));
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
