/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of a backup: one pass over the data of a sparse file, on all cores.
 *
 *   allcores hash|hash+zstd FILE
 *
 * SHA-256 of each block of 64 KiB, and zstd level 1 of it, which goes nowhere. Prints how many
 * bytes it has read and how many it would have stored.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK = 64 << 10, STRIDE = 1 << 20, MAX_CORES = 256 };

static const char *path;
static bool compress;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static off_t position, extent_end; /* what comes next, and where its extent ends */
static uint64_t bytes_read, bytes_stored;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* The next stretch of data, up to STRIDE; 0 at the end. */
static size_t next_stretch(int fd, off_t *offset)
{
	size_t length = 0;

	pthread_mutex_lock(&mutex);
	if (position >= extent_end) {
		position = lseek(fd, extent_end, SEEK_DATA);
		extent_end = position < 0 ? 0 : lseek(fd, position, SEEK_HOLE);
	}
	if (position >= 0 && position < extent_end) {
		length = extent_end - position < STRIDE ? (size_t)(extent_end - position) : STRIDE;
		*offset = position;
		position += (off_t)length;
	}
	pthread_mutex_unlock(&mutex);
	return length;
}

static void *run(void *data)
{
	unsigned char *in = malloc(STRIDE), *out = malloc(ZSTD_compressBound(BLOCK));
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	uint64_t in_total = 0, out_total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t offset;
	size_t length;

	need(fd >= 0 && in && out && hash && sha256 && zstd, path);
	while ((length = next_stretch(fd, &offset)) > 0) {
		need(pread(fd, in, length, offset) == (ssize_t)length, path);
		for (size_t at = 0; at < length; at += BLOCK) {
			size_t size = length - at < BLOCK ? length - at : BLOCK;

			EVP_DigestInit_ex2(hash, sha256, NULL);
			EVP_DigestUpdate(hash, in + at, size);
			EVP_DigestFinal_ex(hash, digest, NULL);
			if (compress)
				out_total += ZSTD_compressCCtx(zstd, out, ZSTD_compressBound(BLOCK),
							       in + at, size, 1);
		}
		in_total += length;
	}
	pthread_mutex_lock(&mutex);
	bytes_read += in_total;
	bytes_stored += out_total;
	pthread_mutex_unlock(&mutex);
	return data;
}

int main(int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_CORES];

	if (argc != 3 || (strcmp(argv[1], "hash") != 0 && strcmp(argv[1], "hash+zstd") != 0)) {
		fprintf(stderr, "usage: allcores hash|hash+zstd FILE\n");
		return 2;
	}
	compress = strcmp(argv[1], "hash+zstd") == 0;
	path = argv[2];
	if (cores > MAX_CORES)
		cores = MAX_CORES;
	for (long i = 0; i < cores; i++)
		need(pthread_create(&threads[i], NULL, run, NULL) == 0, "thread");
	for (long i = 0; i < cores; i++)
		pthread_join(threads[i], NULL);
	printf("%llu %llu\n", (unsigned long long)bytes_read, (unsigned long long)bytes_stored);
	return 0;
}
