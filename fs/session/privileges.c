/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "privileges.h"

#include "errors.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>

/*
 * Root reads and locks vaults of other users, and passes on the bytes of arrays through large
 * pipes.
 */
static const unsigned needed[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_RESOURCE};

/*
 * Only what a program that reads files and answers a kernel never does: an agreed list of what it
 * does would differ with each libc and architecture. Programs that it starts for arrays inherit it.
 */
static const int refused[] = {
	/* mounts and namespaces */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	/* the kernel */
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(syslog),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	/* the machine */
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(fanotify_init),
	/* devices */
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
};

gboolean vk_privileges_drop_capabilities(gboolean keep_admin, GError **error)
{
	gboolean has_admin, may_bound;
	gboolean has[G_N_ELEMENTS(needed)];

	if (capng_get_caps_process() != 0)
		return vk_fail(error, VK_ERROR_FAILED, "cannot read the capabilities");
	for (guint i = 0; i < G_N_ELEMENTS(needed); i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, needed[i]) != 0;
	has_admin = keep_admin && capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN);
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	capng_clear(CAPNG_SELECT_BOTH);
	for (guint i = 0; i < G_N_ELEMENTS(needed); i++)
		if (has[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     needed[i]);
	if (has_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			     CAP_SYS_ADMIN);
	if (capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		return vk_fail_errno(error, errno, "cannot give up capabilities");
	return TRUE;
}

/* The filter reaches threads that run already, and forbids new privileges as well. */
static int load_filter(scmp_filter_ctx filter)
{
	int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* Older kernels would slow down all that a filtered process computes. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (guint i = 0; result == 0 && i < G_N_ELEMENTS(refused); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	return result == 0 ? seccomp_load(filter) : result;
}

gboolean vk_privileges_refuse_calls(GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter ? load_filter(filter) : -ENOMEM;

	if (filter)
		seccomp_release(filter);
	return result == 0 ||
	       vk_fail_errno(error, -result, "cannot refuse system calls by seccomp");
}
