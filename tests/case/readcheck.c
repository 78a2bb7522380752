/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readcheck A B SECONDS [SEED]: several threads compare random ranges of two files for a while.
 * Ends with status 0 when all were alike, 1 at the first difference or error. The seed is printed,
 * so that a failure can be repeated.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS   4
#define RANGE_MAX (300 * 1024)

typedef struct {
	const char *names[2];
	int fds[2];
	off_t size;
	gint64 deadline; /* monotonic, microseconds */
	guint32 seed;
	gint ranges; /* atomic: compared so far */
	gint failed; /* atomic */
} Check;

typedef struct {
	Check *check;
	guint32 number;
} Worker;

static gboolean read_range(Check *check, int which, off_t offset, char *buf, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n =
			pread(check->fds[which], buf + done, length - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "'%s': %zu bytes at %lld: %s\n", check->names[which],
				length, (long long)offset, n ? strerror(errno) : "end of file");
			return FALSE;
		}
		done += (size_t)n;
	}
	return TRUE;
}

static gpointer compare_ranges(gpointer data)
{
	const Worker *worker = data;
	Check *check = worker->check;
	GRand *random = g_rand_new_with_seed(check->seed + worker->number);
	g_autofree char *a = g_malloc(RANGE_MAX);
	g_autofree char *b = g_malloc(RANGE_MAX);

	while (!g_atomic_int_get(&check->failed) && g_get_monotonic_time() < check->deadline) {
		off_t offset = (off_t)g_rand_double_range(random, 0, (double)check->size);
		size_t length = (size_t)g_rand_int_range(random, 1, RANGE_MAX);

		length = (size_t)MIN((off_t)length, check->size - offset);
		if (!read_range(check, 0, offset, a, length) ||
		    !read_range(check, 1, offset, b, length)) {
			g_atomic_int_set(&check->failed, 1);
		} else if (memcmp(a, b, length) != 0) {
			fprintf(stderr, "%zu bytes at %lld differ\n", length, (long long)offset);
			g_atomic_int_set(&check->failed, 1);
		}
		g_atomic_int_inc(&check->ranges);
	}
	g_rand_free(random);
	return NULL;
}

static gboolean open_files(Check *check, char **names)
{
	off_t sizes[2];

	for (int i = 0; i < 2; i++) {
		check->names[i] = names[i];
		check->fds[i] = open(names[i], O_RDONLY | O_CLOEXEC);
		if (check->fds[i] < 0) {
			fprintf(stderr, "'%s': %s\n", names[i], strerror(errno));
			return FALSE;
		}
		sizes[i] = lseek(check->fds[i], 0, SEEK_END);
	}
	check->size = sizes[0];
	if (sizes[0] != sizes[1] || sizes[0] <= 0) {
		fprintf(stderr, "sizes: %lld and %lld\n", (long long)sizes[0], (long long)sizes[1]);
		return FALSE;
	}
	return TRUE;
}

int main(int argc, char **argv)
{
	Check check = {0};
	Worker workers[THREADS];
	GThread *threads[THREADS];

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: %s A B SECONDS [SEED]\n", argv[0]);
		return 2;
	}
	if (!open_files(&check, argv + 1))
		return 1;
	check.seed = argc > 4 ? (guint32)strtoul(argv[4], NULL, 10) : g_random_int();
	check.deadline = g_get_monotonic_time() + atoi(argv[3]) * G_USEC_PER_SEC;
	for (guint32 i = 0; i < THREADS; i++) {
		workers[i] = (Worker){&check, i};
		threads[i] = g_thread_new("compare", compare_ranges, &workers[i]);
	}
	for (guint32 i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	printf("%d ranges compared, seed %u\n", check.ranges, check.seed);
	return check.failed || check.ranges == 0;
}
