/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a command and notes what it took.
 *
 *   measure FILE ROW LABEL DIRECTORY|- COMMAND...
 *
 * appends to FILE one line of fields with tabs between them: ROW, LABEL, seconds, CPU seconds of
 * the command and of all its descendants that have ended, the largest resident size of any of them
 * in KiB, as wait4() tells it, a dash, and how many of the seconds it took after the command to
 * bring what it wrote to the disk: DIRECTORY is where. Ends with the command's status. It is small
 * itself, for a process inherits the peak of the one that it was forked from.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int bring_to_disk(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = fd < 0 ? -1 : syncfs(fd);

	if (fd >= 0)
		close(fd);
	return status;
}

int main(int argc, char **argv)
{
	double start = now(), exited, end;
	struct rusage usage;
	int status;
	pid_t child;
	FILE *file;

	if (argc < 6) {
		fprintf(stderr, "usage: measure FILE ROW LABEL DIRECTORY|- COMMAND...\n");
		return 2;
	}
	/* So that the descendants whose parent did not wait for them are counted as well. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		execvp(argv[5], argv + 5);
		fprintf(stderr, "measure: cannot run '%s': %s\n", argv[5], strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	exited = now();
	if (strcmp(argv[4], "-") != 0 && bring_to_disk(argv[4]) != 0) {
		fprintf(stderr, "measure: cannot sync '%s': %s\n", argv[4], strerror(errno));
		return 1;
	}
	end = now();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	getrusage(RUSAGE_CHILDREN, &usage);
	file = fopen(argv[1], "a");
	if (!file ||
	    fprintf(file, "%s\t%s\t%.4f\t%.3f\t%ld\t-\t%.4f\n", argv[2], argv[3], end - start,
		    seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss,
		    end - exited) < 0 ||
	    fclose(file) != 0) {
		fprintf(stderr, "measure: cannot write '%s': %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
