/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-probe.h"

#include "s3-client-priv.h"

#include "errors.h"

#include <string.h>

#define ROUNDS  3
#define CONTENT "what was put first"
#define OTHER   "what was put second"

typedef struct Search {
	const char *name;
	gboolean found;
} Search;

static void search(const char *name, const char *tag, gpointer data)
{
	Search *search = data;

	search->found |= strcmp(name, search->name) == 0;
}

/* Whether a listing of FOLDER shows NAME. */
static gboolean is_listed(VkS3 *s3, const char *folder, const char *name, gboolean *ret,
			  GError **error)
{
	Search it = {.name = name + strlen(folder)};

	if (!vk_s3_list(s3, folder, FALSE, search, &it, error))
		return FALSE;
	*ret = it.found;
	return TRUE;
}

static gboolean expect_listed(VkS3 *s3, const char *folder, const char *name, gboolean expected,
			      GError **error)
{
	gboolean listed;

	if (!is_listed(s3, folder, name, &listed, error))
		return FALSE;
	return listed == expected ||
	       vk_fail(error, VK_ERROR_FAILED, "%s: its listings %s: no vault can be kept there",
		       s3->name,
		       expected ? "do not show at once what was put"
				: "still show what was deleted");
}

/* Each of these says what the server lacks. */
static gboolean learn_md5(VkS3 *s3, const char *name, VkS3Traits *ret, GError **error)
{
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, CONTENT, -1);
	g_auto(VkS3Facts) facts = {0};

	if (!vk_s3_head(s3, name, &facts, error))
		return FALSE;
	if (facts.md5 && strcmp(facts.md5, sum) != 0)
		ret->has_md5 = FALSE;
	return TRUE;
}

/* *RET_CONTENT is what is there then. */
static gboolean learn_condition(VkS3 *s3, const char *name, VkS3Traits *ret,
				const char **ret_content, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	gboolean is_replaced = vk_s3_put(s3, name, OTHER, strlen(OTHER), FALSE, &trouble);

	if (is_replaced || vk_s3_lacks_condition(s3))
		ret->has_condition = FALSE;
	*ret_content = is_replaced ? OTHER : CONTENT;
	if (!trouble || g_error_matches(trouble, VK_ERROR, VK_ERROR_EXISTS))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	return FALSE;
}

static gboolean learn_suffix(VkS3 *s3, const char *name, const char *content, VkS3Traits *ret,
			     GError **error)
{
	const char *last = content + strlen(content) - 6;
	VkS3Call call = {
		.s3 = s3, .method = "GET", .what = "read", .name = name, .range = "bytes=-6"};
	g_auto(VkHttpReply) reply = {0};

	if (!vk_s3_call(&call, &reply, error))
		return FALSE;
	if (reply.text->len != 6 || memcmp(reply.text->str, last, 6) != 0)
		ret->has_suffix = FALSE;
	return TRUE;
}

static gboolean learn(VkS3 *s3, const char *folder, const char *name, VkS3Traits *ret,
		      GError **error)
{
	const char *content;

	return vk_s3_put(s3, name, CONTENT, strlen(CONTENT), FALSE, error) &&
	       expect_listed(s3, folder, name, TRUE, error) && learn_md5(s3, name, ret, error) &&
	       learn_condition(s3, name, ret, &content, error) &&
	       learn_suffix(s3, name, content, ret, error);
}

static gboolean probe_once(VkS3 *s3, const char *folder, VkS3Traits *ret, GError **error)
{
	g_autofree char *name =
		g_strdup_printf("%sprobe-%08x%08x", folder, g_random_int(), g_random_int());
	gboolean done = learn(s3, folder, name, ret, error);

	/* It does not stay in a bucket that is refused. */
	return vk_s3_delete(s3, name, done ? error : NULL) && done &&
	       expect_listed(s3, folder, name, FALSE, error);
}

void vk_s3_set_traits(VkS3 *s3, const VkS3Traits *traits)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&s3->mutex);

	s3->lacks_condition = !traits->has_condition;
	s3->has_md5 = traits->has_md5;
}

gboolean vk_s3_probe(VkS3 *s3, const char *folder, VkS3Traits *ret, GError **error)
{
	VkS3Traits traits = {.has_condition = TRUE, .has_suffix = TRUE};

	/* An ETag that is no MD5 must not end it. */
	vk_s3_set_traits(s3, &traits);
	traits.has_md5 = TRUE;
	for (guint round = 0; round < ROUNDS; round++)
		if (!probe_once(s3, folder, &traits, error))
			return FALSE;
	vk_s3_set_traits(s3, &traits);
	*ret = traits;
	return TRUE;
}
