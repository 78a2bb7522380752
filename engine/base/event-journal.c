/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as entries of systemd's journal: virtkeep-journal(7). */
#include "event-priv.h"

#ifdef VK_HAVE_JOURNAL

#include "text.h"

/* The place of a message in our source says nothing to people. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define FIELDS_MAX 12u
#define SOCKET     "/run/systemd/journal/socket"

/* Never changed, and none is used for something else: people's filters have them. */
static const struct {
	int priority;
	const char *id;
} kinds[] = {
	[VK_EVENT_START] = {LOG_INFO, "94907156449c418bb000e1a998715be8"},
	[VK_EVENT_GUEST_DONE] = {LOG_INFO, "68cc5851ab884606abc48f3024b1da9a"},
	[VK_EVENT_GUEST_FAILED] = {LOG_ERR, "81e915aa02b643e29ef381c8e3c49274"},
	[VK_EVENT_RELEASED] = {LOG_WARNING, "994964116f744adb96758c0c3b5480ee"},
	[VK_EVENT_DONE] = {LOG_INFO, "9f830abcc0f04743a2bbd10541adcc88"},
	[VK_EVENT_FAILED] = {LOG_ERR, "30595a4bac3d4410926a62c014ff0182"},
	[VK_EVENT_INFO] = {LOG_INFO, NULL},
	[VK_EVENT_DEBUG] = {LOG_DEBUG, NULL},
	[VK_EVENT_WARNING] = {LOG_WARNING, "78ae1f6ca1b34bec84d741b51e1cba58"},
	[VK_EVENT_ERROR] = {LOG_ERR, "77eb22a93c5b4497beaed68f7420b4c5"},
};

/* An entry while it is made. */
typedef struct Entry {
	struct iovec fields[FIELDS_MAX];
	guint count;
} Entry;

static void add(Entry *entry, const char *name, const char *value)
{
	char *field;

	if (!value)
		return;
	g_assert(entry->count < FIELDS_MAX);
	field = g_strconcat(name, "=", value, NULL);
	entry->fields[entry->count++] = (struct iovec){.iov_base = field, .iov_len = strlen(field)};
}

static void add_number(Entry *entry, const char *name, int value)
{
	char text[16];

	g_snprintf(text, sizeof(text), "%d", value);
	add(entry, name, text);
}

/* systemd says which file the journal is; the descriptor may have been sent elsewhere since. */
gboolean vk_event_is_journal(int fd)
{
	const char *stream = g_getenv("JOURNAL_STREAM");
	g_autofree char *ours = NULL;
	struct stat status;

	/* Without its socket, libsystemd would drop what it is given. */
	if (!stream || fstat(fd, &status) < 0 || access(SOCKET, F_OK) < 0)
		return FALSE;
	ours = g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status.st_dev,
			       (guint64)status.st_ino);
	return g_str_equal(stream, ours);
}

/* Once for all: the environment is the program's own. */
static gboolean has_journal(void)
{
	static gsize known; /* 1: it is not, 2: it is */

	if (g_once_init_enter(&known))
		g_once_init_leave(&known, vk_event_is_journal(STDERR_FILENO) ? 2 : 1);
	return known == 2;
}

gboolean vk_event_journal_send(const VkEvent *event, const VkEventRun *run)
{
	g_autofree char *message = vk_printable(event->text);
	Entry entry = {0};
	int result;

	if (!event->text || !has_journal())
		return FALSE;
	add(&entry, "MESSAGE", message);
	add(&entry, "MESSAGE_ID", kinds[event->kind].id);
	add_number(&entry, "PRIORITY", kinds[event->kind].priority);
	add(&entry, "SYSLOG_IDENTIFIER", "virtkeep");
	add(&entry, "COMMAND", run->command);
	add(&entry, "JOB", run->job);
	add(&entry, "VAULT", run->vault);
	add(&entry, "GUEST", event->guest);
	add(&entry, "SNAPSHOT", event->snapshot);
	add(&entry, "CODE", event->code);
	if (vk_event_is_end(event->kind))
		add_number(&entry, "STATUS", event->status);
	result = sd_journal_sendv(entry.fields, (int)entry.count);
	for (guint i = 0; i < entry.count; i++)
		g_free(entry.fields[i].iov_base);
	return result == 0;
}

#else

gboolean vk_event_is_journal(int fd)
{
	return FALSE;
}

gboolean vk_event_journal_send(const VkEvent *event, const VkEventRun *run)
{
	return FALSE;
}

#endif
