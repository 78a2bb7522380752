/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a command and notes what it took.
 *
 *   measure FILE ROW LABEL COMMAND...
 *
 * appends to FILE one line of fields with tabs between them: ROW, LABEL, seconds, CPU seconds of the
 * command and of all its descendants that have ended, the largest resident size of any of them in
 * KiB, as wait4() tells it. Ends with the command's status. It is small itself, for a process
 * inherits the peak of the one that it was forked from.
 */
#include <errno.h>
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

int main(int argc, char **argv)
{
	double start = now(), end;
	struct rusage usage;
	int status;
	pid_t child;
	FILE *file;

	if (argc < 5) {
		fprintf(stderr, "usage: measure FILE ROW LABEL COMMAND...\n");
		return 2;
	}
	/* So that the descendants whose parent did not wait for them are counted as well. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		execvp(argv[4], argv + 4);
		fprintf(stderr, "measure: cannot run '%s': %s\n", argv[4], strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	end = now();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	getrusage(RUSAGE_CHILDREN, &usage);
	file = fopen(argv[1], "a");
	if (!file ||
	    fprintf(file, "%s\t%s\t%.4f\t%.3f\t%ld\n", argv[2], argv[3], end - start,
		    seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss) < 0 ||
	    fclose(file) != 0) {
		fprintf(stderr, "measure: cannot write '%s': %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
