/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-sandbox MEMORY PROGRAM [ARGUMENT...]: runs the appliance's PROGRAM, which reads what a
 * guest has written, where it can do no harm: as another user, without rights, network and files,
 * and in a process namespace of its own, which ends with the caller. It may use MEMORY bytes of a
 * tmpfs at /tmp.
 *
 * The caller has a socket at descriptor CONTROL. It gets the descriptor of the disks' file system
 * there, and answers with a byte when it serves it. All descriptors above go to PROGRAM.
 */
#include "confine.h"
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL 3

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		sandbox_die(path);
	close(fd);
}

/* A user who is not root has rights in namespaces of his own only. */
static void become_able(uid_t uid, gid_t gid)
{
	char map[64];

	if (unshare(CLONE_NEWUSER) < 0)
		sandbox_die("users may not make namespaces on this host");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_file("/proc/self/gid_map", map);
}

static void send_descriptor(int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec text = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};

	control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					.cmsg_level = SOL_SOCKET,
					.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (sendmsg(CONTROL, &message, MSG_NOSIGNAL) != 1)
		sandbox_die("cannot hand the disks over");
	close(fd);
	if (read(CONTROL, &byte, 1) != 1)
		sandbox_die("the disks are not served");
	close(CONTROL);
}

/* Waits for PROGRAM, and for what it leaves. The first process of a namespace ends all of it. */
static int wait_for(pid_t program)
{
	int status;
	pid_t ended;

	for (int fd = 0; fd < 16; fd++)
		if (fd != STDERR_FILENO)
			close(fd);
	do
		ended = wait(&status);
	while (ended != program && (ended > 0 || errno == EINTR));
	return ended == program && WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* In the new namespaces, as their first process. */
static int run(uint64_t memory, char **argv, uid_t uid, gid_t gid)
{
	pid_t program;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	send_descriptor(sandbox_room_make(memory, uid, gid));
	program = fork();
	if (program < 0)
		sandbox_die("cannot fork");
	if (program == 0) {
		sandbox_confine(uid, gid);
		execv(argv[0], argv);
		sandbox_die(argv[0]);
	}
	sandbox_drop_capabilities();
	return wait_for(program);
}

/* Instead of root: a user of its own, whose processes nobody else has, where the host has it. */
static const struct passwd *find_user(void)
{
	const struct passwd *own = getpwnam("virtkeep-files");

	return own ? own : getpwnam("nobody");
}

int main(int argc, char **argv)
{
	const struct passwd *user = geteuid() == 0 ? find_user() : NULL;
	uid_t uid = user ? user->pw_uid : geteuid();
	gid_t gid = user ? user->pw_gid : getegid();
	pid_t first;

	if (argc < 3) {
		fprintf(stderr, "usage: virtkeep-sandbox MEMORY PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	/* The caller alone answers the interrupt key, and then ends all of this. */
	setsid();
	umask(022);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uid == 0) {
		errno = ENOENT;
		sandbox_die("there is no user 'virtkeep-files', and no 'nobody'");
	}
	if (geteuid() != 0)
		become_able(uid, gid);
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP) < 0)
		sandbox_die("cannot make namespaces");
	first = fork();
	if (first < 0)
		sandbox_die("cannot fork");
	if (first == 0)
		return run(strtoull(argv[1], NULL, 10), argv + 2, uid, gid);
	sandbox_drop_capabilities();
	return wait_for(first);
}
