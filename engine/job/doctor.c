/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor.h"

#include "arraydisk.h"
#include "backupjob.h"
#include "checkpoint.h"
#include "domain.h"
#include "errors.h"
#include "guestlock.h"
#include "image-path.h"
#include "lastsnapshot.h"
#include "newfile.h"
#include "qemu-image.h"
#include "quiesce.h"
#include "safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define UUID_LENGTH 36

typedef struct {
	VkHost *host;
	VkGuest *guest;
	const VkDoctorOptions *options;
	VkBackupJobPaths paths;
	VkGuestLock *lock;
	VkGuestFacts *facts;
	VkDomain *domain;
	GPtrArray *findings;
} Visit;

void vk_finding_free(VkFinding *finding)
{
	g_free(finding->guest);
	g_free(finding->what);
	g_free(finding->cure);
	g_free(finding);
}

/* Takes WHAT and CURE over. */
static VkFinding *add(GPtrArray *findings, const char *guest, const char *kind, char *what,
		      char *cure)
{
	VkFinding *finding = g_new0(VkFinding, 1);

	finding->guest = g_strdup(guest);
	finding->kind = kind;
	finding->what = what;
	finding->cure = cure;
	g_ptr_array_add(findings, finding);
	return finding;
}

static VkFinding *add_here(Visit *visit, const char *kind, char *what, char *cure)
{
	return add(visit->findings, vk_guest_name(visit->guest), kind, what, cure);
}

static char *fix_command(void)
{
	return g_strdup("virtkeep doctor --fix");
}

/* It was to be mended, and REASON has kept it from that. */
static void tell_unmended(VkFinding *finding, const char *reason)
{
	g_autofree char *what = g_steal_pointer(&finding->what);

	finding->what = g_strdup_printf("%s; cannot be removed: %s", what, reason);
}

static void remove_file(VkFinding *finding, const char *path)
{
	finding->mended = g_unlink(path) == 0;
	if (!finding->mended)
		tell_unmended(finding, g_strerror(errno));
}

static gboolean examine_job(Visit *visit, GError **error)
{
	g_autoptr(GPtrArray) files = vk_backup_job_files(visit->guest, &visit->paths);
	guint first = visit->findings->len;
	VkJobOwner owner = VK_JOB_NONE;

	if (!vk_backup_job_find(visit->guest, &owner, error))
		return FALSE;
	if (owner == VK_JOB_FOREIGN) {
		add_here(visit, "job", g_strdup("another tool's backup job runs"), NULL);
		return TRUE;
	}
	if (owner == VK_JOB_OURS)
		add_here(visit, "job", g_strdup("a backup job of ours runs that nobody drives"),
			 fix_command());
	for (guint i = 0; i < files->len; i++)
		add_here(visit, "file",
			 g_strdup_printf("'%s' is left of a backup",
					 (char *)g_ptr_array_index(files, i)),
			 fix_command());
	if (!visit->options->fix || visit->findings->len == first)
		return TRUE;
	if (!vk_backup_job_recover(visit->guest, &visit->paths, error))
		return FALSE;
	for (guint i = first; i < visit->findings->len; i++)
		((VkFinding *)g_ptr_array_index(visit->findings, i))->mended = TRUE;
	return TRUE;
}

/* Only what a note of ours tells is released: somebody may want the rest so. */
static gboolean examine_hold(Visit *visit, GError **error)
{
	const VkDoctorOptions *options = visit->options;
	VkHold left = vk_guest_lock_left(visit->lock);
	gboolean is_ours = FALSE;
	VkFinding *finding = NULL;

	if (visit->facts->state == VK_GUEST_PAUSED) {
		is_ours = (left & VK_HOLD_SUSPENDED) != 0;
		finding = add_here(
			visit, "paused",
			g_strdup(is_ours ? "suspended by a backup that did not end well"
					 : "paused, not by virtkeep"),
			is_ours ? fix_command()
				: g_strdup_printf("virsh resume %s", vk_guest_uuid(visit->guest)));
	} else if (visit->facts->state == VK_GUEST_RUNNING &&
		   vk_quiesce_is_frozen(visit->guest, options->agent_timeout_sec)) {
		is_ours = (left & VK_HOLD_FROZEN) != 0;
		finding =
			add_here(visit, "frozen",
				 g_strdup(is_ours ? "frozen by a backup that did not end well"
						  : "its file systems are frozen, not by virtkeep"),
				 is_ours ? fix_command()
					 : g_strdup_printf("virsh domfsthaw %s",
							   vk_guest_uuid(visit->guest)));
	}
	if (!finding || !options->fix || !is_ours)
		return TRUE;
	if (!vk_quiesce_recover(visit->guest, left, options->agent_timeout_sec, error) ||
	    !vk_guest_lock_set_hold(visit->lock, VK_HOLD_NONE, error))
		return FALSE;
	finding->mended = TRUE;
	return TRUE;
}

/* The checkpoint that the next backup builds on; NULL: it has none. New string. */
static gboolean find_wanted(Visit *visit, char **ret, GError **error)
{
	g_autoptr(VkSnapshot) last = NULL;

	*ret = NULL;
	if (!vk_last_snapshot_load(visit->options->vault, vk_guest_uuid(visit->guest), &last,
				   error))
		return FALSE;
	*ret = last ? g_strdup(last->checkpoint) : NULL;
	return TRUE;
}

/* What is wrong with FACT of the checkpoint that is WANTED; NULL: nothing. */
static char *describe_wanted(const VkCheckpointFact *fact, gboolean is_off)
{
	if (!fact->target)
		return NULL;
	if (fact->broken)
		return g_strdup_printf("the bitmap '%s' of disk '%s' is broken, QEMU did not end "
				       "cleanly: the next backup reads the disk in whole",
				       fact->name, fact->target);
	/* A running guest's newest bitmaps are in QEMU's memory only. */
	if (is_off && fact->in_libvirt && !fact->in_image)
		return g_strdup_printf(
			"the bitmap '%s' of disk '%s' is gone: the next backup reads "
			"the disk in whole",
			fact->name, fact->target);
	return NULL;
}

static char *describe_stray(const VkCheckpointFact *fact)
{
	if (!fact->target)
		return g_strdup_printf("the checkpoint '%s' belongs to no snapshot", fact->name);
	if (fact->in_libvirt)
		return NULL; /* told with the checkpoint */
	return g_strdup_printf("the bitmap '%s' of disk '%s' belongs to no snapshot", fact->name,
			       fact->target);
}

/* Told, and left alone: that vault may be in use. */
static void add_foreign(Visit *visit, const VkCheckpointFact *fact)
{
	if (fact->target)
		return;
	add_here(visit, "checkpoint",
		 g_strdup_printf("the checkpoint '%s' is of another vault, %s...", fact->name,
				 fact->vault_id8),
		 NULL);
}

static gboolean drop_strays(Visit *visit, const char *wanted, guint first, GError **error)
{
	guint left = 0;

	if (!visit->options->fix || visit->findings->len == first)
		return TRUE;
	if (!vk_checkpoint_drop_others(visit->guest, vk_vault_id(visit->options->vault), wanted,
				       &left, error))
		return FALSE;
	for (guint i = first; left == 0 && i < visit->findings->len; i++)
		((VkFinding *)g_ptr_array_index(visit->findings, i))->mended = TRUE;
	return TRUE;
}

/* Also of a volume in a pool; NULL: it is in no file. New string. */
static char *image_path(const Visit *visit, const VkDomainDisk *disk)
{
	return disk->image ? vk_offline_image_path(visit->host, disk->image, NULL) : NULL;
}

/* Of a guest that runs on another host nothing here tells anything. */
static gboolean runs_elsewhere(Visit *visit)
{
	if (visit->facts->state != VK_GUEST_OFF)
		return FALSE;
	for (guint i = 0; i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autofree char *path = image_path(visit, disk);

		if (!path || vk_domain_disk_skip_reason(disk) || !vk_image_file_is_written(path))
			continue;
		add_here(visit, "image",
			 g_strdup_printf("the guest is off, but another program has '%s' open to "
					 "write to it: it may run on another host",
					 path),
			 NULL);
		return TRUE;
	}
	return FALSE;
}

static gboolean examine_checkpoints(Visit *visit, GError **error)
{
	g_autoptr(GPtrArray) facts = NULL;
	g_autofree char *wanted = NULL;
	const char *id;
	guint first;

	if (!visit->options->vault || runs_elsewhere(visit))
		return TRUE;
	id = vk_vault_id(visit->options->vault);
	facts = vk_checkpoint_list(visit->guest, error);
	if (!facts || !find_wanted(visit, &wanted, error))
		return FALSE;
	for (guint i = 0; i < facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(facts, i);
		char *what;

		if (!vk_checkpoint_is_ours(fact->name, id)) {
			add_foreign(visit, fact);
			continue;
		}
		what = g_strcmp0(fact->name, wanted) == 0
			       ? describe_wanted(fact, !visit->facts->live_xml)
			       : NULL;
		if (what)
			add_here(visit, "checkpoint", what, NULL);
	}
	first = visit->findings->len;
	for (guint i = 0; i < facts->len; i++) {
		const VkCheckpointFact *fact = g_ptr_array_index(facts, i);
		char *what = NULL;

		if (vk_checkpoint_is_ours(fact->name, id) && g_strcmp0(fact->name, wanted) != 0)
			what = describe_stray(fact);
		if (what)
			add_here(visit, "checkpoint", what, fix_command());
	}
	return drop_strays(visit, wanted, first, error);
}

/* Nobody has the file open: else the kernel gives no lease on it. */
static gboolean is_unused(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	gboolean unused;

	if (fd < 0)
		return FALSE;
	unused = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	close(fd);
	return unused;
}

/* NAME in DIRECTORY has the name of an image that was replaced. */
static void examine_replaced(Visit *visit, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autofree char *quoted = g_shell_quote(path);

	add_here(visit, "file",
		 g_strdup_printf("'%s' is a disk as it was before a restore; remove it when the "
				 "guest is well",
				 path),
		 g_strconcat("rm ", quoted, NULL));
}

/* NAME in DIRECTORY has the name of where a restore writes. */
static void examine_temporary(Visit *visit, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autoptr(GError) trouble = NULL;
	VkFinding *finding;

	if (!vk_new_file_is_leftover(directory, name))
		return;
	finding = add_here(visit, "file",
			   g_strdup_printf("'%s' is left of a restore that was killed", path),
			   fix_command());
	if (!visit->options->fix)
		return;
	finding->mended = vk_new_file_remove_leftover(directory, name, &trouble);
	if (!finding->mended)
		tell_unmended(finding, trouble->message);
}

/* Beside the image PATH, which has no symbolic links. */
static void examine_neighbours(Visit *visit, const char *path, GHashTable *seen)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *directory = g_path_get_dirname(path);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		gboolean is_old = vk_new_file_is_replaced(name, base);

		if ((!is_old && !vk_new_file_is_temporary(name, base)) ||
		    !g_hash_table_add(seen, g_build_filename(directory, name, NULL)))
			continue;
		if (is_old)
			examine_replaced(visit, directory, name);
		else
			examine_temporary(visit, directory, name);
	}
}

static void examine_restores(Visit *visit)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autofree char *image = image_path(visit, disk);
		g_autofree char *path = image ? vk_safe_path(image, NULL) : NULL;

		if (path)
			examine_neighbours(visit, path, seen);
	}
}

/* With or without why it cannot be mended. */
static gboolean is_told(const Visit *visit, const char *what)
{
	for (guint i = 0; i < visit->findings->len; i++)
		if (g_str_has_prefix(((VkFinding *)g_ptr_array_index(visit->findings, i))->what,
				     what))
			return TRUE;
	return FALSE;
}

/* Disks and guests share volumes, and so what is left there. */
static void examine_stray(Visit *visit, const VkArraySnapshot *stray)
{
	const VkDoctorOptions *options = visit->options;
	g_autofree char *what = g_strdup_printf(
		stray->is_unlisted
			? "the %s '%s' is left of a backup or a reader that was killed, or expired"
			: "the %s '%s' belongs to no snapshot of the vault; remove it if no "
			  "other copy of the vault needs it",
		stray->kind, stray->title);
	g_autoptr(GError) trouble = NULL;
	VkFinding *finding;

	if (is_told(visit, what))
		return;
	finding = add_here(visit, "array", g_steal_pointer(&what),
			   stray->is_unlisted ? fix_command() : NULL);
	if (!stray->is_unlisted || !options->fix)
		return;
	finding->mended = vk_arrays_remove(options->arrays, stray, &trouble);
	if (!finding->mended)
		tell_unmended(finding, trouble->message);
}

static gboolean examine_array_disk(Visit *visit, const VkArrayDisk *disk, GError **error)
{
	const VkDoctorOptions *options = visit->options;
	const char *uuid = vk_guest_uuid(visit->guest);
	g_autoptr(GPtrArray) strays =
		vk_arraydisk_strays(options->arrays, disk, options->vault, uuid, error);

	for (guint i = 0; strays && i < strays->len; i++)
		examine_stray(visit, g_ptr_array_index(strays, i));
	return strays != NULL;
}

/* A disk that no array can take has nothing there. */
static gboolean examine_arrays(Visit *visit, GError **error)
{
	const VkDoctorOptions *options = visit->options;

	for (guint i = 0; options->vault && i < visit->domain->disks->len; i++) {
		const VkDomainDisk *disk = g_ptr_array_index(visit->domain->disks, i);
		g_autoptr(VkArrayDisk) found = NULL;

		if (vk_domain_disk_skip_reason(disk))
			continue;
		found = vk_arraydisk_find(options->arrays, visit->host, disk, NULL);
		if (found && !examine_array_disk(visit, found, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean examine(Visit *visit, GError **error)
{
	const VkGuestFacts *facts = visit->facts = vk_guest_get_facts(visit->guest, error);

	if (!facts)
		return FALSE;
	visit->domain = vk_domain_parse(vk_guest_facts_present_xml(facts), error);
	if (!visit->domain || !examine_hold(visit, error) || !examine_job(visit, error) ||
	    !examine_checkpoints(visit, error) || !examine_arrays(visit, error))
		return FALSE;
	examine_restores(visit);
	return TRUE;
}

gboolean vk_doctor_guest(VkHost *host, VkGuest *guest, const VkDoctorOptions *options,
			 GPtrArray *findings, GError **error)
{
	g_autoptr(GError) trouble = NULL;
	Visit visit = {
		.host = host,
		.guest = guest,
		.options = options,
		.paths = {.scratch_dir = options->scratch_dir, .run_dir = options->run_dir},
		.findings = findings,
	};
	gboolean ok;

	visit.lock = vk_guest_lock_take(options->run_dir, vk_guest_uuid(guest),
					vk_guest_name(guest), &trouble);
	if (g_error_matches(trouble, VK_ERROR, VK_ERROR_BUSY)) {
		add_here(&visit, "busy", g_strdup(trouble->message), NULL);
		return TRUE;
	}
	ok = visit.lock && examine(&visit, &trouble);
	vk_guest_facts_free(visit.facts);
	vk_domain_free(visit.domain);
	vk_guest_lock_free(visit.lock);
	if (ok)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&trouble));
	g_prefix_error(error, "guest '%s': ", vk_guest_name(guest));
	return FALSE;
}

static gboolean is_of_guest(const GPtrArray *guests, const char *name)
{
	for (guint i = 0; i < guests->len; i++)
		if (g_str_has_prefix(name, vk_guest_uuid(g_ptr_array_index(guests, i))))
			return TRUE;
	return FALSE;
}

void vk_doctor_host(const GPtrArray *guests, const VkDoctorOptions *options, GPtrArray *findings)
{
	g_autoptr(GDir) dir = g_dir_open(options->scratch_dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *uuid = g_strndup(name, UUID_LENGTH);
		g_autofree char *path = g_build_filename(options->scratch_dir, name, NULL);
		VkFinding *finding;

		if (!g_uuid_string_is_valid(uuid) || !g_str_has_suffix(name, ".qcow2") ||
		    is_of_guest(guests, name))
			continue;
		finding = add(
			findings, NULL, "file",
			g_strdup_printf("'%s' is left of a backup of a guest that is gone", path),
			fix_command());
		if (options->fix && is_unused(path))
			remove_file(finding, path);
	}
}
