/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent of an appliance is asked. The input is what the host sends, any number of
 * messages. It asks for a volume "a" with a few files; other volumes cannot be opened. Whatever it
 * is, the agent answers, or ends the appliance.
 */
#include "channel.h"
#include "crypt.h"
#include "disks.h"
#include "fuzz.h"
#include "identity.h"
#include "mounting.h"
#include "place.h"
#include "platform.h"
#include "requests.h"
#include "system.h"
#include "volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A socket takes that much before somebody reads. */
#define INPUT_MAX 65536

static int agent_end;
static jmp_buf power_off;
static char *tree;
static AgentVolume volume = {.name = "a"};

/* What the agent has taken of a message when it ends the appliance is gone with that. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:agent_take_text\n";
}

/* In place of that of libc. */
int reboot(int command)
{
	g_assert(command == RB_POWER_OFF);
	longjmp(power_off, 1);
}

int agent_platform_open_channel(void)
{
	return agent_end;
}

int agent_place_open(const char *name, bool system)
{
	if (!system && strcmp(name, volume.name) == 0)
		return open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (system)
		agent_send_locked(name);
	else
		agent_send_failure(VK_MESSAGE_NO_PLACE, "there is no volume '%s'", name);
	return -1;
}

int agent_open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

	g_assert(root >= 0);
	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

void agent_disks_find(char *const *names, size_t count)
{
	g_assert(count <= AGENT_DISKS_MAX);
	for (size_t i = 0; i < count; i++)
		g_assert(names[i]);
}

void agent_crypt_unlock(const char *name, VkBytes secret)
{
	g_assert(name && secret.length <= VK_MESSAGE_MAX);
	agent_send_done();
}

uint64_t agent_identity(dev_t device, int directory, const char *name)
{
	return device;
}

int agent_mount(AgentVolume *mounted, const char *subvolume)
{
	return -1;
}

void agent_mount_release(const AgentVolume *mounted)
{
}

void agent_systems_find(void)
{
}

void agent_system_note_gaps(const char *path)
{
}

size_t agent_volume_count(void)
{
	return 1;
}

AgentVolume *agent_volume(size_t index)
{
	return &volume;
}

bool agent_volumes_left_out(void)
{
	return true;
}

static void remove_tree(void)
{
	static const char *const names[] = {"below/file", "below/up", "below", "link", "out", ""};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(tree, names[i], NULL);

		g_remove(path);
	}
	g_free(tree);
}

static void make_tree(void)
{
	g_autofree char *below = NULL;
	g_autofree char *file = NULL;
	g_autofree char *up = NULL;
	g_autofree char *link = NULL;
	g_autofree char *out = NULL;

	tree = g_dir_make_tmp("fuzz-agent-XXXXXX", NULL);
	g_assert(tree);
	atexit(remove_tree);
	below = g_build_filename(tree, "below", NULL);
	file = g_build_filename(below, "file", NULL);
	up = g_build_filename(below, "up", NULL);
	link = g_build_filename(tree, "link", NULL);
	out = g_build_filename(tree, "out", NULL);
	g_assert(g_mkdir(below, 0700) == 0 && g_file_set_contents(file, "content", -1, NULL));
	g_assert(symlink("..", up) == 0 && symlink("below/up/link", link) == 0);
	g_assert(symlink("/../../etc", out) == 0);
}

/* Reads what the agent answers, so that it never waits. */
static gpointer drain(gpointer data)
{
	char bytes[4096];

	while (read(GPOINTER_TO_INT(data), bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

/* The agent, until it ends the appliance. */
static void answer_all(void)
{
	if (setjmp(power_off) != 0)
		return;
	g_assert(agent_channel_open());
	for (;;) {
		VkBody body;
		VkMessageType type = agent_receive(&body);

		agent_answer(type, &body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GThread *reader;
	int ends[2];

	if (size > INPUT_MAX)
		return 0;
	if (!tree)
		make_tree();
	g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	agent_end = ends[1];
	g_assert(write(ends[0], data, size) == (ssize_t)size && shutdown(ends[0], SHUT_WR) == 0);
	reader = g_thread_new("drain", drain, GINT_TO_POINTER(ends[0]));
	answer_all();
	close(ends[1]);
	g_thread_join(reader);
	close(ends[0]);
	return 0;
}
