/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "faults.h"

#include "io.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static VkIo real;
static Fault fault;
static _Atomic int calls_left; /* until the fault; negative: it has happened */
static int fault_errno;

/* TRUE when this call meets the fault. */
static gboolean is_met(void)
{
	int left = atomic_fetch_sub(&calls_left, 1);

	if (left > 0 || (left < 0 && fault != FAIL_FROM_THEN_ON))
		return FALSE;
	if (fault == KILL)
		kill(getpid(), SIGKILL);
	errno = fault_errno;
	return TRUE;
}

/* The same for a call that is never cut short. */
static gboolean hit(void)
{
	return is_met() && fault != CUT_SHORT;
}

static int faulty_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return hit() ? -1 : real.openat(dirfd, path, flags, mode);
}

static ssize_t faulty_pread(int fd, void *buf, size_t length, off_t offset)
{
	if (!is_met())
		return real.pread(fd, buf, length, offset);
	return fault == CUT_SHORT ? real.pread(fd, buf, (length + 1) / 2, offset) : -1;
}

/* A failing write first writes the half. */
static ssize_t faulty_pwrite(int fd, const void *buf, size_t length, off_t offset)
{
	ssize_t half;

	if (!is_met())
		return real.pwrite(fd, buf, length, offset);
	half = real.pwrite(fd, buf, (length + 1) / 2, offset);
	if (half < 0 || fault == CUT_SHORT)
		return half;
	errno = fault_errno;
	return -1;
}

static int faulty_fdatasync(int fd)
{
	return hit() ? -1 : real.fdatasync(fd);
}

static int faulty_fsync(int fd)
{
	return hit() ? -1 : real.fsync(fd);
}

static int faulty_renameat2(int olddir, const char *old, int newdir, const char *name,
			    unsigned flags)
{
	return hit() ? -1 : real.renameat2(olddir, old, newdir, name, flags);
}

static int faulty_unlinkat(int dirfd, const char *path, int flags)
{
	return hit() ? -1 : real.unlinkat(dirfd, path, flags);
}

static int faulty_mkdirat(int dirfd, const char *path, mode_t mode)
{
	return hit() ? -1 : real.mkdirat(dirfd, path, mode);
}

void arm(Fault kind, int call, int errno_value)
{
	if (!real.openat)
		real = vk_io;
	fault = kind;
	fault_errno = errno_value;
	atomic_store(&calls_left, call);
	vk_io = (VkIo){
		.openat = faulty_openat,
		.close = real.close,
		.pread = faulty_pread,
		.pwrite = faulty_pwrite,
		.fdatasync = faulty_fdatasync,
		.fsync = faulty_fsync,
		.ftruncate = real.ftruncate,
		.renameat2 = faulty_renameat2,
		.linkat = real.linkat,
		.unlinkat = faulty_unlinkat,
		.mkdirat = faulty_mkdirat,
		.flock = real.flock,
	};
}

void disarm(void)
{
	vk_io = real;
}

gboolean fault_happened(void)
{
	return atomic_load(&calls_left) < 0;
}

#define DONE     1
#define HAPPENED 2

gboolean meets_fault(Fault kind, int call, int errno_value, gboolean (*act)(gpointer data),
		     gpointer data, gboolean *ret_done)
{
	pid_t child = fork();
	gboolean happened;
	int status;

	if (child == 0) {
		gboolean done;

		arm(kind, call, errno_value);
		done = act(data);
		disarm();
		_exit((done ? DONE : 0) | (fault_happened() ? HAPPENED : 0));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) || (kind == KILL && WTERMSIG(status) == SIGKILL));
	*ret_done = WIFEXITED(status) && (WEXITSTATUS(status) & DONE) != 0;
	happened = !WIFEXITED(status) || (WEXITSTATUS(status) & HAPPENED) != 0;
	ck_assert(happened || *ret_done);
	return happened;
}
