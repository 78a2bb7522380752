/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-looks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of one entry: in number, and in bytes of names and values. */
#define ATTRIBUTES_MAX       1024
#define ATTRIBUTES_BYTES_MAX ((gsize)1 << 20)

#define MODE_PLAIN 0755

typedef struct Attribute {
	char *name;
	GBytes *value;
} Attribute;

struct VkLooks {
	gboolean archive;
	guint32 mode, uid, gid;
	struct timespec time;
	GArray *attributes;    /* Attribute */
	gsize attribute_bytes; /* of all of them */
};

static void attribute_clear(gpointer data)
{
	Attribute *attribute = data;

	g_free(attribute->name);
	g_bytes_unref(attribute->value);
}

VkLooks *vk_looks_new(const VkEntry *entry, gboolean archive)
{
	VkLooks *looks = g_new(VkLooks, 1);

	*looks = (VkLooks){
		.archive = archive,
		.mode = entry->mode & (archive ? 07777 : MODE_PLAIN),
		.uid = entry->uid,
		.gid = entry->gid,
		.time = {.tv_sec = entry->mtime_sec, .tv_nsec = entry->mtime_nsec},
		.attributes = g_array_new(FALSE, FALSE, sizeof(Attribute)),
	};
	g_array_set_clear_func(looks->attributes, attribute_clear);
	return looks;
}

void vk_looks_free(VkLooks *looks)
{
	if (!looks)
		return;
	g_array_unref(looks->attributes);
	g_free(looks);
}

/* Others are of use to the guest's kernel alone. */
static gboolean is_wanted(const VkLooks *looks, const char *name)
{
	static const char *const archived[] = {"system.posix_acl_access",
					       "system.posix_acl_default", "security.capability",
					       "security.selinux", NULL};

	return g_str_has_prefix(name, "user.") ||
	       (looks->archive && g_strv_contains(archived, name));
}

gboolean vk_looks_add(VkLooks *looks, const char *name, const guint8 *value, gsize length)
{
	Attribute attribute;

	if (!is_wanted(looks, name))
		return TRUE;
	if (looks->attributes->len >= ATTRIBUTES_MAX ||
	    looks->attribute_bytes + strlen(name) + length > ATTRIBUTES_BYTES_MAX)
		return FALSE;
	looks->attribute_bytes += strlen(name) + length;
	attribute = (Attribute){.name = g_strdup(name), .value = g_bytes_new(value, length)};
	g_array_append_val(looks->attributes, attribute);
	return TRUE;
}

/* The owner first: its change takes set-id bits and capabilities away. The time last. */
gboolean vk_looks_set(const VkLooks *looks, int fd, const char *path, VkLooksRefused refused,
		      gpointer data)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, looks->time};

	if (looks->archive && fchown(fd, looks->uid, looks->gid) < 0)
		return FALSE;
	for (guint i = 0; i < looks->attributes->len; i++) {
		const Attribute *attribute = &g_array_index(looks->attributes, Attribute, i);
		gsize length;
		const void *value = g_bytes_get_data(attribute->value, &length);

		/* Who asks for an archive wants to know that there is no room for them at all. */
		if (fsetxattr(fd, attribute->name, value, length, 0) < 0 &&
		    (looks->archive || errno != EOPNOTSUPP))
			refused(data, path, attribute->name, errno);
	}
	/*
	 * Behind the attributes: an access list changes the mode, and a mode of 0400 refuses them.
	 */
	return fchmod(fd, looks->mode) == 0 && futimens(fd, times) == 0;
}

gboolean vk_looks_set_link(const VkLooks *looks, int directory, const char *name)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, looks->time};

	if (looks->archive &&
	    fchownat(directory, name, looks->uid, looks->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return FALSE;
	utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW);
	return TRUE;
}
