/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypt.h"

#include "action.h"
#include "channel.h"
#include "disks.h"
#include "modules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/cryptsetup"

/* Of its exit status. */
#define WRONG_KEY 2
#define NO_MEMORY 3

static bool is_encrypted(const AgentVolume *volume)
{
	return strcmp(volume->type, "crypto_LUKS") == 0;
}

/* As blkid calls it. */
static bool is_bitlocker(const AgentVolume *volume)
{
	return strcmp(volume->type, "BitLocker") == 0;
}

bool agent_crypt_is_locked(AgentVolume *volume)
{
	bool can_open = access(PROGRAM, X_OK) == 0;

	if (is_bitlocker(volume))
		snprintf(volume->state, sizeof(volume->state),
			 "encrypted by BitLocker, which is not read");
	if (!is_encrypted(volume))
		return false;
	snprintf(volume->state, sizeof(volume->state), "%s",
		 !can_open ? "LUKS is not read without the package 'cryptsetup-bin': install it"
		 : volume->starved ? "locked: its key slot wants more memory than the appliance has"
				   : "locked: give its key by --key-file");
	return can_open;
}

static int open_with(const AgentVolume *volume, const char *name, VkBytes secret,
		     AgentOutput *output)
{
	const char *const argv[] = {PROGRAM,
				    "open",
				    "--type",
				    "luks",
				    "--key-file",
				    "-",
				    "--disable-locks",
				    "--disable-keyring",
				    "--batch-mode",
				    volume->device,
				    name,
				    NULL};

	return agent_run(argv, secret, output);
}

/*
 * The slot says how much memory it takes to try a key. If the appliance has some of it, the kernel
 * may end cryptsetup in the middle.
 */
static bool lacks_memory(int status)
{
	return status == NO_MEMORY || status == AGENT_STARVED;
}

/* 0, or what cryptsetup says. */
static int unlock(AgentVolume *volume, VkBytes secret, AgentOutput *output)
{
	char name[80], device[96];
	int status;

	snprintf(name, sizeof(name), "luks-%.64s", volume->uuid);
	snprintf(device, sizeof(device), "/dev/mapper/%s", name);
	agent_modules_load("dm-crypt");
	status = open_with(volume, name, secret, output);
	/* A key file that an editor wrote. */
	if (status == WRONG_KEY && secret.length > 1 && secret.at[secret.length - 1] == '\n')
		status = open_with(volume, name, (VkBytes){secret.at, secret.length - 1}, output);
	volume->starved = lacks_memory(status);
	if (status == 0)
		agent_volume_open(volume, device);
	else
		agent_crypt_is_locked(volume); /* for its state */
	return status;
}

static void fail(const AgentVolume *volume, int status, const AgentOutput *output)
{
	if (status == WRONG_KEY)
		agent_send_failure(EACCES, "the key does not open '%s'", volume->name);
	else if (lacks_memory(status))
		agent_send_failure(ENOMEM,
				   "'%s' cannot be opened: its key slot wants more memory than the "
				   "appliance has",
				   volume->name);
	else
		agent_send_failure(EIO, "'%s' cannot be opened: %s", volume->name,
				   *output->words ? output->words : "cryptsetup has crashed");
}

static void unlock_named(const char *name, VkBytes secret)
{
	AgentVolume *volume = agent_volume_named(name);
	static AgentOutput output;
	int status;

	if (!volume) {
		agent_send_failure(ENOENT,
				   "there is no volume '%s': 'virtkeep files volumes' lists them",
				   name);
	} else if (!is_encrypted(volume) && !is_bitlocker(volume)) {
		agent_send_failure(EINVAL, "'%s' is not locked: it needs no key", name);
	} else if (!agent_crypt_is_locked(volume)) {
		agent_send_failure(EIO, "'%s': %s", name, volume->state);
	} else {
		status = unlock(volume, secret, &output);
		if (status == 0)
			agent_disks_assemble();
		if (status == 0)
			agent_send_done();
		else
			fail(volume, status, &output);
	}
}

/* What was opened can show further volumes that are locked: they are behind the others. */
static void unlock_all(VkBytes secret)
{
	size_t locked = 0, opened = 0;
	AgentVolume *last = NULL, *starved = NULL;
	static AgentOutput output;
	int status = 0;

	for (size_t i = 0; i < agent_volume_count(); i++) {
		AgentVolume *volume = agent_volume(i);

		if (!agent_crypt_is_locked(volume))
			continue;
		locked++;
		last = volume;
		status = unlock(volume, secret, &output);
		opened += status == 0;
		if (volume->starved)
			starved = volume;
		if (status == 0)
			agent_disks_assemble();
	}
	if (locked == 1 && opened == 0)
		fail(last, status, &output);
	else if (starved && opened == 0)
		fail(starved, NO_MEMORY, &output);
	else if (locked > 0 && opened == 0)
		agent_send_failure(EACCES, "the key opens none of the %zu locked volumes", locked);
	else
		agent_send_done();
}

void agent_crypt_unlock(const char *name, VkBytes secret)
{
	if (*name)
		unlock_named(name, secret);
	else
		unlock_all(secret);
}
