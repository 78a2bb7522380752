/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy-guest.h"

#include "copy-run.h"
#include "errors.h"
#include "guest-writer.h"
#include "host.h"
#include "inside.h"

#include <string.h>

typedef struct Copy {
	const VkFilesRun *run;
	VkHost *host;
	char *guest; /* NULL: that of the snapshot */
	char *path;  /* NULL: where the file was */
	gboolean overwrite;
	VkCopyCount count;
	GError *worst; /* the first trouble that others need not suffer from; or NULL */
} Copy;

static void copy_clear(Copy *copy)
{
	vk_host_free(copy->host);
	g_free(copy->guest);
	g_free(copy->path);
	g_clear_error(&copy->worst);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_clear)

/* A restored guest can have another UUID, and a renamed one another name. */
static VkGuest *find_guest(const Copy *copy, VkGuestFiles *files, GError **error)
{
	const VkSnapshot *snapshot = vk_guest_files_snapshot(files);
	VkGuest *guest;

	if (copy->guest)
		return vk_host_find(copy->host, copy->guest, error);
	guest = vk_host_find(copy->host, snapshot->uuid, NULL);
	return guest ? guest : vk_host_find(copy->host, snapshot->name, error);
}

/* The directory of the guest for what is at LOCATION. New string. */
static char *find_directory(const Copy *copy, const VkLocation *location, GError **error)
{
	if (copy->path)
		return g_strdup(copy->path);
	if (!location->volume)
		return vk_location_directory(location);
	vk_fail(error, VK_ERROR_USAGE,
		"the guest may have mounted '%s' anywhere: name a directory of the guest, "
		"--to-guest=[GUEST]:/PATH",
		location->volume);
	return NULL;
}

static gboolean begin(gpointer data, const char *name, const VkCopySum *sum, GError **error)
{
	return vk_guest_writer_begin(data, name, sum, error);
}

static gboolean end(gpointer data, GError **error)
{
	return vk_guest_writer_end(data, error);
}

static gboolean copy_one(gpointer data, VkGuestFiles *files, const VkLocation *location,
			 GError **error)
{
	Copy *copy = data;
	guint timeout_sec =
		(guint)vk_settings_get_uint(copy->run->program.settings, "backup", "agent_timeout");
	g_autofree char *directory = find_directory(copy, location, error);
	g_autoptr(VkGuest) guest = directory ? find_guest(copy, files, error) : NULL;
	g_autoptr(VkInside) inside = guest ? vk_inside_open(guest, timeout_sec, error) : NULL;
	g_autoptr(VkGuestWriter) writer = NULL;
	VkCopyTarget target = {.entries_max = G_MAXUINT64, .begin = begin, .end = end};
	gboolean ok;

	if (!inside) {
		if (guest)
			g_prefix_error(error,
				       "cannot put files into guest '%s': ", vk_guest_name(guest));
		return FALSE;
	}
	writer = vk_guest_writer_new(inside, vk_guest_name(guest), directory, copy->overwrite,
				     error);
	if (!writer)
		return FALSE;
	target.data = writer;
	target.calls = vk_guest_writer_calls(writer);
	ok = vk_copy_run(copy->run, files, location, &target, &copy->worst, error);
	vk_copy_count_add(&copy->count, vk_guest_writer_count(writer));
	return ok;
}

gboolean vk_copy_to_guest(VkFilesRun *run, GPtrArray *locations, const char *where,
			  gboolean overwrite, GError **error)
{
	const char *colon = strchr(where, ':');
	gsize length = colon ? (gsize)(colon - where) : strlen(where);
	g_auto(Copy) copy = {.run = run, .overwrite = overwrite};

	if (colon && colon[1] && colon[1] != '/')
		return vk_fail(error, VK_ERROR_USAGE, "'%s' is no path: it begins with '/'",
			       colon + 1);
	copy.guest = length > 0 ? g_strndup(where, length) : NULL;
	copy.path = colon && colon[1] ? g_strdup(colon + 1) : NULL;
	copy.host = vk_host_open(vk_program_libvirt_uri(&run->program), error);
	if (!copy.host || !vk_files_visit(run, locations, copy_one, &copy, error))
		return FALSE;
	return vk_copy_report(run, &copy.count, copy.guest ? copy.guest : "the guest",
			      g_steal_pointer(&copy.worst), error);
}
