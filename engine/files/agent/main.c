/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtkeep-agent: the first and only process of the appliance, whose kernel reads the disks of a
 * guest. It answers the program on the host, and turns the appliance off when that is gone. As
 * modprobe it loads modules.
 */
#include "channel.h"
#include "modules.h"
#include "platform.h"
#include "requests.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILES_MAX 65536

static void set_up(void)
{
	const struct rlimit files = {FILES_MAX, FILES_MAX};

	mkdir("/proc", 0700);
	mkdir("/sys", 0700);
	mkdir("/dev", 0700);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	agent_platform_set_up();
}

static void say_hello(void)
{
	VkMessage message = {0};
	struct utsname name;

	uname(&name);
	vk_message_begin(&message, VK_MESSAGE_HELLO);
	vk_message_put_u32(&message, VK_MESSAGE_VERSION);
	vk_message_put_text(&message, name.release);
	agent_send(&message);
	vk_message_clear(&message);
}

int main(int argc, char **argv)
{
	if (getpid() != 1 && argc > 1)
		return agent_modules_load(argv[argc - 1]) ? 0 : 1;
	set_up();
	if (!agent_channel_open())
		agent_power_off();
	say_hello();
	for (;;) {
		VkBody body;
		VkMessageType type = agent_receive(&body);

		agent_answer(type, &body);
	}
}
