/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confine.h"

#include "landlock.h"
#include "room.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 256

static void set_limit(int resource, rlim_t value)
{
	const struct rlimit limit = {value, value};

	if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
		sandbox_die("cannot set a limit");
}

/* The bounding set needs a capability, so it goes first. */
static void drop_rights(uid_t owner, gid_t group)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
			       setresuid(owner, owner, owner) < 0))
		sandbox_die("cannot become another user");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		sandbox_die("cannot give privileges up");
}

/* User-mode Linux traces its processes, so ptrace has to stay. */
static void filter_calls(void)
{
	static const int refused[] = {
		SCMP_SYS(socket),
		SCMP_SYS(connect),
		SCMP_SYS(bind),
		SCMP_SYS(listen),
		SCMP_SYS(mount),
		SCMP_SYS(umount2),
		SCMP_SYS(pivot_root),
		SCMP_SYS(chroot),
		SCMP_SYS(fsopen),
		SCMP_SYS(fsmount),
		SCMP_SYS(open_tree),
		SCMP_SYS(move_mount),
		SCMP_SYS(mount_setattr),
		SCMP_SYS(unshare),
		SCMP_SYS(setns),
		SCMP_SYS(keyctl),
		SCMP_SYS(add_key),
		SCMP_SYS(request_key),
		SCMP_SYS(bpf),
		SCMP_SYS(io_uring_setup),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(open_by_handle_at),
		SCMP_SYS(quotactl),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter ? 0 : -ENOMEM;

	for (size_t i = 0; result == 0 && i < sizeof(refused) / sizeof(*refused); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (result == 0)
		result =
			seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	/* Its flags lie in memory, where a filter cannot see them. libc then takes the old one. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	errno = -result;
	if (result < 0)
		sandbox_die("cannot filter system calls");
}

void sandbox_confine(uid_t owner, gid_t group)
{
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_NOFILE, FILES_MAX);
	drop_rights(owner, group);
	sandbox_limit_files();
	filter_calls();
}

void sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capset, &head, none) < 0)
		sandbox_die("cannot give capabilities up");
}
