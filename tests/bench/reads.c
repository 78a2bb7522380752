/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random reads of 4 KiB.
 *
 *   reads FILE START LENGTH COUNT READERS [REFERENCE]
 *
 * READERS threads read COUNT blocks in all, at places of [START, START + LENGTH) that are the same
 * in every run. With REFERENCE each must be what that file has there.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096, MAX_READERS = 64 };

static int fd, reference = -1;
static uint64_t start, blocks;
static unsigned long count, readers;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* xorshift64*: the places must be the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static void *run(void *data)
{
	uint64_t state = 88172645463325252U + (uint64_t)(uintptr_t)data * 7919;
	unsigned char got[BLOCK], expected[BLOCK];

	for (unsigned long i = 0; i < count / readers; i++) {
		off_t offset = (off_t)(start + next_random(&state) % blocks * BLOCK);

		need(pread(fd, got, BLOCK, offset) == BLOCK, "read");
		if (reference < 0)
			continue;
		need(pread(reference, expected, BLOCK, offset) == BLOCK, "read of the reference");
		if (memcmp(got, expected, BLOCK) != 0) {
			fprintf(stderr, "reads: wrong at %lld\n", (long long)offset);
			exit(1);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_READERS];

	if (argc < 6 || argc > 7) {
		fprintf(stderr, "usage: reads FILE START LENGTH COUNT READERS [REFERENCE]\n");
		return 2;
	}
	start = strtoull(argv[2], NULL, 10);
	blocks = strtoull(argv[3], NULL, 10) / BLOCK;
	count = strtoul(argv[4], NULL, 10);
	readers = strtoul(argv[5], NULL, 10);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	need(fd >= 0 && blocks > 0 && readers > 0 && readers <= MAX_READERS, argv[1]);
	if (argc == 7) {
		reference = open(argv[6], O_RDONLY | O_CLOEXEC);
		need(reference >= 0, argv[6]);
	}
	for (uintptr_t i = 0; i < readers; i++)
		need(pthread_create(&threads[i], NULL, run, (void *)(i + 1)) == 0, "thread");
	for (unsigned long i = 0; i < readers; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
