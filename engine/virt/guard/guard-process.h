/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard's own side: the process that guard.h starts. */
#pragma once

/* The main of the hidden command VK_GUARD_COMMAND. Returns the exit status. */
int vk_guard_main(int argc, char **argv);
