/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mount-options.h"

#include "errors.h"
#include "mountpoint.h"

#include <fuse_opt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
	char *uid;
	char *gid;
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
	OURS("nonempty", nonempty),
	OURS("allow_other", allow_other),
	OURS("allow_root", allow_root),
	/* A vault is always mounted so, or so whatever is said: see session_options(). */
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
	IGNORED("lazytime"),
	/* Words to mount(8) and systemd. */
	IGNORED("auto"),
	IGNORED("noauto"),
	IGNORED("nofail"),
	IGNORED("_netdev"),
	IGNORED("user"),
	IGNORED("user="),
	IGNORED("nouser"),
	IGNORED("users"),
	IGNORED("owner"),
	IGNORED("group"),
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

static char *session_options(const Parsed *parsed, const char *source)
{
	g_autofree char *fsname = g_strdup_printf("fsname=%s", source);
	char *options = NULL;
	char *copy;

	if (fuse_opt_add_opt(&options, "ro,default_permissions,nosuid,nodev,noexec") < 0 ||
	    fuse_opt_add_opt(&options, "subtype=" VK_MOUNT_SUBTYPE) < 0 ||
	    fuse_opt_add_opt_escaped(&options, fsname) < 0 ||
	    (parsed->allow_other && fuse_opt_add_opt(&options, "allow_other") < 0) ||
	    (parsed->allow_root && fuse_opt_add_opt(&options, "allow_root") < 0))
		g_error("out of memory");
	copy = g_strdup(options);
	free(options);
	return copy;
}

static gboolean take_id(const char *name, const char *text, unsigned *ret, GError **error)
{
	guint64 number;

	if (!text)
		return TRUE;
	/* The highest number means "none" to chown(2) and the like. */
	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
		return vk_fail(error, VK_ERROR_USAGE, "mount option '%s=%s': not a number", name,
			       text);
	*ret = (unsigned)number;
	return TRUE;
}

static gboolean take_parsed(const Parsed *parsed, VkMountOptions *options, GError **error)
{
	if (parsed->unknown)
		return vk_fail(error, VK_ERROR_USAGE,
			       "mount option '%s' is not known: see virtkeep-mount(1)",
			       parsed->unknown);
	options->nonempty = parsed->nonempty;
	return take_id("uid", parsed->uid, &options->uid, error) &&
	       take_id("gid", parsed->gid, &options->gid, error);
}

gboolean vk_mount_options_parse(const char *const *words, const char *source, VkMountOptions *ret,
				GError **error)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	VkMountOptions options = {.uid = getuid(), .gid = getgid()};
	Parsed parsed = {0};
	gboolean fine = fuse_opt_add_arg(&args, "virtkeep-mount") == 0;

	for (; fine && words && *words; words++)
		fine = fuse_opt_add_arg(&args, "-o") == 0 && fuse_opt_add_arg(&args, *words) == 0;
	if (!fine || fuse_opt_parse(&args, &parsed, known, take_unknown) != 0)
		fine = vk_fail(error, VK_ERROR_USAGE, "the mount options cannot be understood");
	fine = fine && take_parsed(&parsed, &options, error);
	if (fine) {
		options.session = session_options(&parsed, source);
		*ret = options;
	}
	fuse_opt_free_args(&args);
	free(parsed.uid);
	free(parsed.gid);
	g_free(parsed.unknown);
	return fine;
}

void vk_mount_options_clear(VkMountOptions *options)
{
	g_clear_pointer(&options->session, g_free);
}
