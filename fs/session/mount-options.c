/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount-options.h"

#include "errors.h"

#include <fuse_opt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As of the setting mount.cache_mib. */
#define CACHE_MIB_MAX 1048576u

typedef struct {
	char *uid;
	char *gid;
	char *umask;
	char *guests;
	char *cache;
	char *threads;
	int nonempty;
	int allow_other;
	int allow_root;
	char *unknown;
} Parsed;

#define OURS(text, member)                        \
	{                                         \
		text, offsetof(Parsed, member), 1 \
	}
#define IGNORED(text) FUSE_OPT_KEY(text, FUSE_OPT_KEY_DISCARD)

static const struct fuse_opt known[] = {
	OURS("uid=%s", uid),
	OURS("gid=%s", gid),
	OURS("umask=%s", umask),
	OURS("guests=%s", guests),
	OURS("cache=%s", cache),
	OURS("threads=%s", threads),
	OURS("nonempty", nonempty),
	OURS("allow_other", allow_other),
	OURS("allow_root", allow_root),
	/* A vault is always mounted so, or so whatever is said: see vk_mount_options_session(). */
	IGNORED("ro"),
	IGNORED("rw"),
	IGNORED("default_permissions"),
	IGNORED("suid"),
	IGNORED("nosuid"),
	IGNORED("dev"),
	IGNORED("nodev"),
	IGNORED("exec"),
	IGNORED("noexec"),
	/* Means nothing where nothing is written. */
	IGNORED("defaults"),
	IGNORED("async"),
	IGNORED("sync"),
	IGNORED("dirsync"),
	IGNORED("atime"),
	IGNORED("noatime"),
	IGNORED("diratime"),
	IGNORED("nodiratime"),
	IGNORED("relatime"),
	IGNORED("norelatime"),
	IGNORED("strictatime"),
	IGNORED("nostrictatime"),
	IGNORED("lazytime"),
	IGNORED("nolazytime"),
	IGNORED("iversion"),
	IGNORED("noiversion"),
	IGNORED("mand"),
	IGNORED("nomand"),
	IGNORED("silent"),
	IGNORED("loud"),
	/* Words to mount(8) and systemd. */
	IGNORED("auto"),
	IGNORED("noauto"),
	IGNORED("nofail"),
	IGNORED("_netdev"),
	IGNORED("user"),
	IGNORED("user="),
	IGNORED("nouser"),
	IGNORED("users"),
	IGNORED("nousers"),
	IGNORED("owner"),
	IGNORED("noowner"),
	IGNORED("group"),
	IGNORED("nogroup"),
	IGNORED("comment="),
	FUSE_OPT_END,
};

/* Called for each word that the table does not know. */
static int take_unknown(void *data, const char *word, int key, struct fuse_args *args)
{
	Parsed *parsed = data;

	/* The table cannot say "begins with". */
	if (g_str_has_prefix(word, "x-") || g_str_has_prefix(word, "X-"))
		return 0;
	if (!parsed->unknown)
		parsed->unknown = g_strdup(word);
	return 0;
}

/* Takes the number TEXT if the option NAME was given. */
static gboolean take_number(const char *name, const char *text, guint base, guint64 min,
			    guint64 max, guint64 *ret, GError **error)
{
	if (text && !g_ascii_string_to_unsigned(text, base, min, max, ret, NULL))
		return vk_fail(
			error, VK_ERROR_USAGE,
			base == 8 ? "mount option '%s=%s': not an octal number from "
				    "%" G_GINT64_MODIFIER "o to %" G_GINT64_MODIFIER "o"
				  : "mount option '%s=%s': not a number from %" G_GUINT64_FORMAT
				    " to %" G_GUINT64_FORMAT,
			name, text, min, max);
	return TRUE;
}

static gboolean take_numbers(const Parsed *parsed, VkMountOptions *options, GError **error)
{
	guint64 uid = options->uid, gid = options->gid, mask = options->umask, threads = 0;

	/* The highest id means "none" to chown(2) and the like. */
	if (!take_number("uid", parsed->uid, 10, 0, G_MAXUINT32 - 1, &uid, error) ||
	    !take_number("gid", parsed->gid, 10, 0, G_MAXUINT32 - 1, &gid, error) ||
	    !take_number("umask", parsed->umask, 8, 0, 0777, &mask, error) ||
	    !take_number("cache", parsed->cache, 10, 1, CACHE_MIB_MAX, &options->cache_mib,
			 error) ||
	    !take_number("threads", parsed->threads, 10, 1, VK_MOUNT_THREADS_MAX, &threads, error))
		return FALSE;
	options->uid = (uid_t)uid;
	options->gid = (gid_t)gid;
	options->umask = (mode_t)mask;
	options->threads = (guint)threads;
	return TRUE;
}

static gboolean take_parsed(const Parsed *parsed, VkMountOptions *options, GError **error)
{
	if (parsed->unknown)
		return vk_fail(error, VK_ERROR_USAGE, "mount option '%s' is not known: see %s(1)",
			       parsed->unknown, g_get_prgname());
	if (!take_numbers(parsed, options, error))
		return FALSE;
	options->guests = g_strdup(parsed->guests);
	options->nonempty = parsed->nonempty;
	options->allow_other = parsed->allow_other;
	options->allow_root = parsed->allow_root;
	return TRUE;
}

static void clear_parsed(Parsed *parsed)
{
	free(parsed->uid);
	free(parsed->gid);
	free(parsed->umask);
	free(parsed->guests);
	free(parsed->cache);
	free(parsed->threads);
	g_free(parsed->unknown);
}

gboolean vk_mount_options_parse(const char *const *words, VkMountOptions *ret, GError **error)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	VkMountOptions options = *ret;
	Parsed parsed = {0};
	gboolean fine = fuse_opt_add_arg(&args, "virtkeep-mount") == 0;

	for (; fine && words && *words; words++)
		fine = fuse_opt_add_arg(&args, "-o") == 0 && fuse_opt_add_arg(&args, *words) == 0;
	if (!fine || fuse_opt_parse(&args, &parsed, known, take_unknown) != 0)
		fine = vk_fail(error, VK_ERROR_USAGE, "the mount options cannot be understood");
	fine = fine && take_parsed(&parsed, &options, error);
	if (fine)
		*ret = options;
	fuse_opt_free_args(&args);
	clear_parsed(&parsed);
	return fine;
}

void vk_mount_options_clear(VkMountOptions *options)
{
	g_clear_pointer(&options->guests, g_free);
}

char *vk_mount_options_session(const VkMountOptions *options, const char *subtype,
			       const char *source)
{
	g_autofree char *fsname = g_strdup_printf("fsname=%s", source);
	g_autofree char *type = g_strdup_printf("subtype=%s", subtype);
	char *words = NULL;
	char *copy;

	if (fuse_opt_add_opt(&words, "ro,default_permissions,nosuid,nodev,noexec") < 0 ||
	    fuse_opt_add_opt(&words, type) < 0 || fuse_opt_add_opt_escaped(&words, fsname) < 0 ||
	    (options->allow_other && fuse_opt_add_opt(&words, "allow_other") < 0) ||
	    (options->allow_root && fuse_opt_add_opt(&words, "allow_root") < 0))
		g_error("out of memory");
	copy = g_strdup(words);
	free(words);
	return copy;
}
