/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "landlock.h"

#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the third version of Landlock; older headers do not have it. */
#define TRUNCATE (UINT64_C(1) << 14)

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                            \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | TRUNCATE)
#define OTHERS                                                       \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Of a file that is no directory. */
#define OF_FILES                                                      \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_READ_FILE | TRUNCATE)

static const struct {
	const char *path;
	uint64_t rights;
} places[] = {
	{"/usr", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	/* Where they do not lead into /usr. */
	{"/bin", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/lib", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/lib32", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/lib64", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/libx32", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/proc", READ},
	{"/tmp", READ | WRITE},
	{SANDBOX_DISKS, READ | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE},
	{"/dev/null", (READ | WRITE) & OF_FILES},
};

/* The rights that the kernel knows. 0: it has no Landlock. */
static uint64_t known_rights(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 1)
		return 0;
	return (READ | WRITE | OTHERS) & (version < 3 ? ~TRUNCATE : ~UINT64_C(0));
}

static void allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rights,
		.parent_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC),
	};

	if (beneath.parent_fd < 0 && errno == ENOENT)
		return;
	/* A symbolic link has no rights of its own. */
	if (beneath.parent_fd < 0 ||
	    (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 &&
	     errno != EINVAL))
		sandbox_die(path);
	close(beneath.parent_fd);
}

void sandbox_limit_files(void)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = known_rights()};
	int rules;

	if (!attr.handled_access_fs)
		return;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		sandbox_die("cannot limit files");
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		allow(rules, places[i].path, places[i].rights & attr.handled_access_fs);
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		sandbox_die("cannot limit files");
	close(rules);
}
