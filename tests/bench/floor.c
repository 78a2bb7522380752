/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of a pause: nothing but the calls to libvirt that a consistent backup of running guests
 * cannot do without, from a thread for each guest.
 *
 *   floor group|serial|clone-group|clone-serial DIRECTORY GUEST...
 *
 * "group": all are frozen, all backup jobs begin, each with a checkpoint, all are thawed. "serial":
 * as Snap Creator's plug-in did it: suspend one guest after another, take the snapshot of each (a
 * job's beginning stands for it), resume one after another. The same with reflinks instead of jobs,
 * of vda.qcow2 and vdb.raw in DIRECTORY/GUEST: "clone-group" freezes and suspends all at once,
 * clones their files, and lets all go on at once; "clone-serial" suspends, clones and resumes one
 * after another. Prints for each guest how long it was held, in milliseconds. Jobs, checkpoints and
 * clones are gone at the end.
 */
#include <fcntl.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef struct {
	const char *name, *directory;
	char *backup_xml, *checkpoint_xml, *checkpoint;
	virConnectPtr connection;
	virDomainPtr domain;
	gint64 start, end;
} Guest;

/* Where threads wait for each other. */
typedef struct {
	GMutex mutex;
	GCond changed;
	guint arrived, members;
} Barrier;

static Barrier ready, held, begun;

static void wait_at(Barrier *barrier)
{
	g_mutex_lock(&barrier->mutex);
	barrier->arrived++;
	g_cond_broadcast(&barrier->changed);
	while (barrier->arrived < barrier->members)
		g_cond_wait(&barrier->changed, &barrier->mutex);
	g_mutex_unlock(&barrier->mutex);
}

static void need(gboolean ok, const Guest *guest, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "floor: %s: %s: %s\n", guest->name, what, virGetLastErrorMessage());
	exit(1);
}

/* Failures are told by need(); that a job is gone in the end is none. */
static void ignore_error(void *data G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static void prepare(Guest *guest)
{
	guint number = g_random_int();

	guest->connection = virConnectOpen("qemu:///system");
	need(guest->connection != NULL, guest, "connect");
	guest->domain = virDomainLookupByName(guest->connection, guest->name);
	need(guest->domain != NULL, guest, "look up");
	guest->checkpoint = g_strdup_printf("floor-%08x", number);
	guest->backup_xml = g_strdup_printf(
		"<domainbackup mode='pull'><server transport='unix' socket='%s/%s.sock'/><disks>"
		"<disk name='vda' backup='yes' type='file'><driver type='qcow2'/>"
		"<scratch file='%s/%s-vda-%08x'/></disk>"
		"<disk name='vdb' backup='yes' type='file'><driver type='qcow2'/>"
		"<scratch file='%s/%s-vdb-%08x'/></disk></disks></domainbackup>",
		guest->directory, guest->name, guest->directory, guest->name, number,
		guest->directory, guest->name, number);
	guest->checkpoint_xml = g_strdup_printf(
		"<domaincheckpoint><name>%s</name><disks><disk name='vda' checkpoint='bitmap'/>"
		"<disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>",
		guest->checkpoint);
}

static void begin(Guest *guest)
{
	need(virDomainBackupBegin(guest->domain, guest->backup_xml, guest->checkpoint_xml, 0) == 0,
	     guest, "begin");
}

static void close_guest(Guest *guest)
{
	virDomainFree(guest->domain);
	virConnectClose(guest->connection);
}

static void clean_up(Guest *guest)
{
	virDomainCheckpointPtr checkpoint;

	need(virDomainAbortJob(guest->domain) == 0, guest, "abort");
	for (;;) {
		char *xml = virDomainBackupGetXMLDesc(guest->domain, 0);

		if (!xml)
			break;
		free(xml);
		g_usleep(10000);
	}
	checkpoint = virDomainCheckpointLookupByName(guest->domain, guest->checkpoint, 0);
	need(checkpoint && virDomainCheckpointDelete(checkpoint, 0) == 0, guest, "delete");
	virDomainCheckpointFree(checkpoint);
	close_guest(guest);
}

static gpointer run_grouped(gpointer data)
{
	Guest *guest = data;
	long long seconds;
	unsigned int nseconds;

	prepare(guest);
	virDomainGetTime(guest->domain, &seconds, &nseconds, 0); /* wakes the agent */
	wait_at(&ready);
	guest->start = g_get_monotonic_time();
	need(virDomainFSFreeze(guest->domain, NULL, 0, 0) >= 0, guest, "freeze");
	wait_at(&held);
	begin(guest);
	wait_at(&begun);
	need(virDomainFSThaw(guest->domain, NULL, 0, 0) >= 0, guest, "thaw");
	guest->end = g_get_monotonic_time();
	clean_up(guest);
	return NULL;
}

static void clone_file(const Guest *guest, const char *name)
{
	g_autofree char *path = g_strdup_printf("%s/%s/%s", guest->directory, guest->name, name);
	g_autofree char *clone = g_strconcat(path, ".floor", NULL);
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = open(clone, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(from >= 0 && to >= 0 && ioctl(to, FICLONE, from) == 0, guest, "clone");
	close(from);
	close(to);
	unlink(clone);
}

static void clone_files(Guest *guest)
{
	clone_file(guest, "vda.qcow2");
	clone_file(guest, "vdb.raw");
}

static gpointer run_cloned(gpointer data)
{
	Guest *guest = data;
	long long seconds;
	unsigned int nseconds;

	prepare(guest);
	virDomainGetTime(guest->domain, &seconds, &nseconds, 0); /* wakes the agent */
	wait_at(&ready);
	guest->start = g_get_monotonic_time();
	need(virDomainFSFreeze(guest->domain, NULL, 0, 0) >= 0, guest, "freeze");
	need(virDomainSuspend(guest->domain) == 0, guest, "suspend");
	wait_at(&held);
	clone_files(guest);
	wait_at(&begun);
	need(virDomainResume(guest->domain) == 0, guest, "resume");
	need(virDomainFSThaw(guest->domain, NULL, 0, 0) >= 0, guest, "thaw");
	guest->end = g_get_monotonic_time();
	close_guest(guest);
	return NULL;
}

static void run_group(Guest *guests, guint count, GThreadFunc run)
{
	g_autofree GThread **threads = g_new(GThread *, count);

	ready.members = held.members = begun.members = count;
	for (guint i = 0; i < count; i++)
		threads[i] = g_thread_new("guest", run, &guests[i]);
	for (guint i = 0; i < count; i++)
		g_thread_join(threads[i]);
}

/* One after the other: TAKE is their point in time, FINISH follows when all go on. */
static void run_serial(Guest *guests, guint count, void (*take)(Guest *), void (*finish)(Guest *))
{
	for (guint i = 0; i < count; i++)
		prepare(&guests[i]);
	for (guint i = 0; i < count; i++) {
		guests[i].start = g_get_monotonic_time();
		need(virDomainSuspend(guests[i].domain) == 0, &guests[i], "suspend");
	}
	for (guint i = 0; i < count; i++)
		take(&guests[i]);
	for (guint i = 0; i < count; i++) {
		need(virDomainResume(guests[i].domain) == 0, &guests[i], "resume");
		guests[i].end = g_get_monotonic_time();
	}
	for (guint i = 0; i < count; i++)
		finish(&guests[i]);
}

int main(int argc, char **argv)
{
	guint count = argc > 3 ? (guint)argc - 3 : 0;
	g_autofree Guest *guests = g_new0(Guest, MAX(count, 1));

	if (count == 0) {
		fprintf(stderr,
			"usage: floor group|serial|clone-group|clone-serial DIRECTORY GUEST...\n");
		return 2;
	}
	virSetErrorFunc(NULL, ignore_error);
	for (guint i = 0; i < count; i++)
		guests[i] = (Guest){.name = argv[i + 3], .directory = argv[2]};
	if (strcmp(argv[1], "serial") == 0)
		run_serial(guests, count, begin, clean_up);
	else if (strcmp(argv[1], "clone-serial") == 0)
		run_serial(guests, count, clone_files, close_guest);
	else
		run_group(guests, count,
			  strcmp(argv[1], "clone-group") == 0 ? run_cloned : run_grouped);
	for (guint i = 0; i < count; i++)
		printf("%s %.1f\n", guests[i].name,
		       (double)(guests[i].end - guests[i].start) / 1000);
	return 0;
}
